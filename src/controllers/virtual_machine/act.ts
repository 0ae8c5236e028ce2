/** Performs one step that changes something at the hypervisor. @module */
import type { VirtualMachine } from "@virtrigaud/api";
import { type Operation, ProviderError } from "@virtrigaud/contract";
import type { ProviderConnection } from "../connection/connection.ts";
import type { Mutation, Outcome } from "./conclude.ts";

/** Sends the step to the provider. Never throws for what the provider answers: a refusal is an outcome. */
export async function act(
  step: Mutation,
  vm: VirtualMachine,
  connection: ProviderConnection,
  fence: number,
  signal: AbortSignal,
): Promise<Outcome> {
  const operation: Operation = {
    id: step.operationId,
    ownerUid: vm.metadata.uid ?? "",
    owner: `${vm.metadata.namespace ?? ""}/${vm.metadata.name}`,
    fence,
  };
  const { client, inventory } = connection;
  const context = connection.context(signal);
  try {
    switch (step.type) {
      case "Create": {
        const { vmId, task } = await client.create({ operation, spec: step.spec, powerOn: step.powerOn }, context);
        inventory.unsettle(vmId);
        return { type: "Done", vmId, ...(task === undefined ? {} : { task }) };
      }
      case "Delete":
        inventory.unsettle(step.vmId);
        return { type: "Done", ...await client.delete({ operation, vmId: step.vmId }, context) };
      case "Power": {
        const { vmId, op, gracefulTimeoutMs } = step;
        inventory.unsettle(vmId);
        return { type: "Done", ...await client.power({ operation, vmId, op, gracefulTimeoutMs }, context) };
      }
      case "Reconfigure":
        inventory.unsettle(step.vmId);
        return { type: "Done", ...await client.reconfigure({ operation, vmId: step.vmId, spec: step.spec }, context) };
    }
  } catch (error) {
    if (error instanceof ProviderError) return { type: "Failed", error };
    throw error;
  }
}
