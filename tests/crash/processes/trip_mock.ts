/** Preloaded into the mock provider: its points are the calls that change something, and its writes. @module */
import { FileJournal } from "../../../providers/mock/persistence.ts";
import { MockProvider } from "../../../providers/mock/mod.ts";
import { Tripwire } from "./tripwire.ts";

const tripwire = new Tripwire();
for (const method of ["create", "delete", "power", "reconfigure"]) {
  tripwire.around(MockProvider.prototype, method, () => `call ${method}`);
}
for (const method of ["append", "replace"]) tripwire.around(FileJournal.prototype, method, () => `disk ${method}`);
