/** What happens around an RPC. @module */
import type { DeadlineGroup } from "../codec/rpcs.ts";
import type { CallContext } from "../provider.ts";

/** What a policy may know of an RPC. */
export interface RpcTraits {
  readonly rpc: string;
  readonly deadline: DeadlineGroup;
  readonly mutating: boolean;
}

/** One attempt at a call. */
export interface Attempt extends CallContext {
  /** Milliseconds that this attempt may take. */
  readonly deadlineMs: number;
}

/** Makes one or more attempts. */
export type Policy = <T>(rpc: RpcTraits, context: CallContext, attempt: (attempt: Attempt) => Promise<T>) => Promise<T>;
