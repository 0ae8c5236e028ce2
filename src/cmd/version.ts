/** What this build is called. @module */
import { buildInfo } from "@virtrigaud/telemetry";

/** Version of the product. */
export const VERSION = buildInfo().version;
