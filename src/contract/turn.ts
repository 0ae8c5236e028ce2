/** The order of what managers ask of a provider, so that what arrives late is known for what it is. @module */
import { ProviderError } from "./errors.ts";

/**
 * Place of a call among all calls that managers make to a provider. Every call of a manager carries one, questions and
 * watches too: a provider that was only asked something by a new leader refuses the changes of the one before it.
 */
export interface Turn {
  /** As in {@linkcode Operation.fence}: grows with every change of leader. */
  readonly fence: number;
  /** Grows with every call of one leader. */
  readonly number: number;
}

/** gRPC metadata that carries the {@linkcode Turn} of a call, as `<fence>.<number>`. Who sends it may write. */
export const TURN_HEADER = "x-virtrigaud-turn";

/** Whether `a` was asked before `b`. */
export function isEarlier(a: Turn, b: Turn): boolean {
  return a.fence < b.fence || (a.fence === b.fence && a.number < b.number);
}

/** A turn as it travels. */
export function formatTurn({ fence, number }: Turn): string {
  return `${fence}.${number}`;
}

/** Reads what {@linkcode formatTurn} wrote. @throws {ProviderError} `InvalidSpec` for anything else */
export function parseTurn(text: string): Turn {
  const [fence, number] = (/^(\d{1,16})\.(\d{1,16})$/.exec(text)?.slice(1) ?? []).map(Number);
  if (Number.isSafeInteger(fence) && Number.isSafeInteger(number)) {
    return { fence: fence ?? 0, number: number ?? 0 };
  }
  throw new ProviderError("InvalidSpec", `metadata ${TURN_HEADER}: expected <fence>.<number>, two whole numbers`, {
    field: TURN_HEADER,
  });
}
