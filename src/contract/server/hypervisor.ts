/** Whether the hypervisor answers, learnt from the `Validate` calls that the manager makes anyway. @module */
import type { Clock } from "@virtrigaud/resilience";
import type { CheckResult } from "@virtrigaud/telemetry";
import type { CallContext, Provider } from "../provider.ts";

/** A provider whose `validate` is listened to. */
export interface ObservedProvider {
  readonly provider: Provider;
  /** For `/health`: `unknown` until the first `Validate`. */
  readonly check: () => CheckResult;
}

/** Calls `onChange` with the outcome of every `validate` of `provider`. */
export function observeHypervisor(
  provider: Provider,
  clock: Clock,
  onChange: (reachable: boolean) => void,
): ObservedProvider {
  let last: CheckResult = { status: "unknown", message: "not checked yet" };
  const record = (status: "healthy" | "unhealthy", message: string): void => {
    last = { status, message: `${message} (${new Date(clock.now()).toISOString()})` };
    onChange(status === "healthy");
  };
  const validate = async (context: CallContext) => {
    try {
      const response = await provider.validate(context);
      record("healthy", response.hypervisor);
      return response;
    } catch (error) {
      if (!context.signal.aborted) record("unhealthy", error instanceof Error ? error.message : "validate failed");
      throw error;
    }
  };
  return {
    provider: new Proxy(provider, {
      get(target, property) {
        if (property === "validate") return validate;
        const member: unknown = Reflect.get(target, property, target);
        return typeof member === "function" ? member.bind(target) : member;
      },
    }),
    check: () => last,
  };
}
