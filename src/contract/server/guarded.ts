/** A provider as callers meet it: behind the guard that keeps repeated and late calls from it. @module */
import { type Rpc, rpcs, type UnaryMethod } from "../codec/rpcs.ts";
import { ProviderError } from "../errors.ts";
import type { CallContext, DescribeRequest, DescribeResponse, Operation, Provider } from "../provider.ts";
import type { OperationGuard } from "./operations.ts";

type Call = (...args: unknown[]) => Promise<unknown>;

/**
 * `provider` with every call passing `guard`. This is what {@linkcode serveProvider} serves; a test without sockets can
 * call it as it is.
 */
export function guarded(provider: Provider, guard: OperationGuard): Provider {
  const methods = Object.entries(rpcs) as [UnaryMethod, Rpc<unknown, unknown>][];
  const calls = Object.fromEntries(methods.map(([method, rpc]) => {
    const target = (provider[method] as Call).bind(provider);
    const call: Call = (...args) => {
      const context = args.at(-1) as CallContext;
      if (context.turn !== undefined) guard.hear(context.turn);
      if (!rpc.mutating) return target(...args);
      const { operation } = args[0] as { operation: Operation };
      return guard.run(rpc.rpc, operation, (signal) => target(args[0], { ...context, signal }), context);
    };
    return [method, call];
  })) as unknown as Omit<Provider, "watch">;
  return {
    ...calls,
    async describe(request, context) {
      const { ownerUid } = request;
      const beingBorn = ownerUid !== undefined && guard.ask(ownerUid, context.turn);
      return proven(request, beingBorn, await calls.describe(request, context));
    },
    watch(context) {
      if (context.turn !== undefined) guard.hear(context.turn);
      return provider.watch(context);
    },
  };
}

/** @throws {ProviderError} `Conflict` with reason `Locked` when an absence proves nothing */
function proven({ ownerUid }: DescribeRequest, beingBorn: boolean, answer: DescribeResponse): DescribeResponse {
  if (answer.exists || !beingBorn) return answer;
  throw new ProviderError(
    "Conflict",
    `whether there is a machine of owner ${ownerUid} cannot be said while one is being made: ask again`,
    { reason: "Locked" },
  );
}
