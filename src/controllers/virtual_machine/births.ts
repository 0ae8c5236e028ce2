/** Machines whose object went while they were being made. @module */
import type { VirtualMachine } from "@virtrigaud/api";
import { type ReconcileContext, requeueAfter, type Result } from "@virtrigaud/runtime";
import type { ProviderConnection } from "../connection/connection.ts";
import type { ProviderConnections } from "../connection/connections.ts";
import { act } from "./act.ts";
import { retains } from "./decide_deletion.ts";
import type { MachineView } from "./input.ts";
import { foundMachine, referenceKey } from "./observe.ts";

/** How soon to look whether the machine is gone, ms. */
const LOOK_AGAIN_MS = 2_000;

/**
 * Creates that were sent and whose outcome stands in no status yet.
 *
 * The finalizer keeps an object until its machine is proven gone, so that this is of use only where it did not: another
 * leader, whose lease was taken out of turn, or a person removed it while `Create` was under way. Then nobody else will
 * ever know of the machine, and it is deleted again. A machine that was written down once is never touched by this.
 */
export class Births {
  readonly #pending = new Map<string, VirtualMachine>();
  readonly #connections: Pick<ProviderConnections, "get">;
  readonly #nonce: () => string;

  /** @param nonce unique words for operation ids */
  constructor(connections: Pick<ProviderConnections, "get">, nonce: () => string) {
    this.#connections = connections;
    this.#nonce = nonce;
  }

  /** A machine for `vm` is about to be asked for. */
  begin(key: string, vm: VirtualMachine): void {
    this.#pending.set(key, vm);
  }

  /** What came of it stands in the status of `vm`. */
  written(key: string, vm: VirtualMachine): void {
    if (this.#pending.get(key)?.metadata.uid === vm.metadata.uid) this.#pending.delete(key);
  }

  /**
   * Deletes what was made for an object that is not there any more. Answers with nothing when there is nothing (left) to
   * do. @param vm the object that has the name now @throws {ProviderError} what the provider answered: try again later
   */
  async undo(key: string, vm: VirtualMachine | undefined, context: ReconcileContext): Promise<Result | undefined> {
    const born = this.#pending.get(key);
    if (born === undefined || born.metadata.uid === vm?.metadata.uid) return undefined;
    const connection = this.#connections.get(referenceKey(born, born.spec.providerRef));
    if (connection === undefined || retains({ vm: born })) {
      this.#pending.delete(key);
      return undefined;
    }
    const machine = await find(born, connection, context.signal);
    if (machine.type !== "Present") {
      this.#pending.delete(key);
      return undefined;
    }
    const ids = { uid: born.metadata.uid, vmId: machine.vm.id };
    context.log.warn("the object went while its machine was being made: the machine is deleted", ids);
    const operationId = `${born.metadata.uid}/undo/${this.#nonce()}`;
    const step = { type: "Delete", operationId, wish: "", vmId: machine.vm.id } as const;
    const outcome = await act(step, born, connection, context.signal);
    if (outcome.type === "Failed") throw outcome.error;
    return requeueAfter(LOOK_AGAIN_MS);
  }
}

async function find(vm: VirtualMachine, connection: ProviderConnection, signal: AbortSignal): Promise<MachineView> {
  const ownerUid = vm.metadata.uid ?? "";
  return foundMachine(vm, await connection.client.describe({ ownerUid }, connection.context(signal)));
}
