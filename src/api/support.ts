/** Which field each provider honours. @module */
export interface SupportTable {
  readonly todo?: never;
}
