/** What this build is called. The release build replaces the values. @module */

/** Version of the product. */
export const VERSION = "0.1.0";
