/** Preloaded into the control plane: its points are its writes to the disk. @module */
import { RevisionLog } from "../../../src/standalone/storage/revision_log.ts";
import { Tripwire } from "./tripwire.ts";

new Tripwire().around(RevisionLog.prototype, "append", () => "disk append");
