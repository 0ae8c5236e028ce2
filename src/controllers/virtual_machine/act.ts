/** Performs one step that changes something at the hypervisor. @module */
import type { VirtualMachine } from "@virtrigaud/api";
import { type Operation, ProviderError } from "@virtrigaud/contract";
import type { ProviderConnection } from "../connection/connection.ts";
import type { Outcome } from "./conclude.ts";
import type { Mutation } from "./input.ts";

/** Sends the step to the provider. Never throws for what the provider answers: a refusal is an outcome. */
export async function act(
  step: Mutation,
  vm: VirtualMachine,
  connection: ProviderConnection,
  signal: AbortSignal,
): Promise<Outcome> {
  const { client, inventory } = connection;
  const context = connection.context(signal);
  const operation: Operation = {
    id: step.operationId,
    ownerUid: vm.metadata.uid ?? "",
    owner: `${vm.metadata.namespace ?? ""}/${vm.metadata.name}`,
    fence: context.turn.fence,
  };
  const vmId = step.type === "Create" ? undefined : step.vmId;
  try {
    const outcome = await send();
    if (outcome.vmId !== undefined) inventory.unsettle(outcome.vmId);
    return outcome;
  } catch (error) {
    if (error instanceof ProviderError) return { type: "Failed", error };
    throw error;
  } finally {
    // What was seen while the call went on may be from before the change, whatever came of it.
    if (vmId !== undefined) inventory.unsettle(vmId);
  }

  async function send(): Promise<Extract<Outcome, { type: "Done" }>> {
    switch (step.type) {
      case "Create":
        return { type: "Done", ...await client.create({ operation, spec: step.spec, powerOn: step.powerOn }, context) };
      case "Delete":
        return { type: "Done", ...await client.delete({ operation, vmId: step.vmId }, context) };
      case "Power": {
        const { vmId, op, gracefulTimeoutMs } = step;
        return { type: "Done", ...await client.power({ operation, vmId, op, gracefulTimeoutMs }, context) };
      }
      case "Reconfigure":
        return {
          type: "Done",
          ...await client.reconfigure({
            operation,
            vmId: step.vmId,
            spec: step.spec,
            ...(step.followGuestInit ? { followGuestInit: true } : {}),
          }, context),
        };
    }
  }
}
