/** Power of a VM. @module */
import { type PowerRequest, ProviderError, type TaskResponse } from "@virtrigaud/contract";
import type { VmRecord } from "./model.ts";
import { ownVm, vmOf, type World } from "./world.ts";

/** Starts a change of power; what is so already is a success without a task. */
export function changePower(world: World, request: PowerRequest): TaskResponse {
  const vm = ownVm(world, request.vmId, request.operation.ownerUid);
  switch (request.op) {
    case "On":
      return vm.power === "On" ? {} : start(world, vm, "On");
    case "Off":
      return vm.power === "Off" ? {} : start(world, vm, "Off");
    case "ShutdownGraceful":
      return vm.power === "Off" ? {} : startGraceful(world, vm, "Off", request);
    case "Reboot":
      requireOn(vm, request.op);
      return startGraceful(world, vm, "Restarted", request);
    case "Reset":
      requireOn(vm, request.op);
      return start(world, vm, "Restarted");
    case "Suspend":
      if (vm.power === "Suspended") return {};
      requireOn(vm, request.op);
      return start(world, vm, "Suspended");
  }
}

type Target = "On" | "Off" | "Suspended" | "Restarted";

function start(world: World, vm: VmRecord, to: Target): TaskResponse {
  return { task: world.start({ type: "Power", vmId: vm.id, to }, { vmId: vm.id, transitional: true }) };
}

/** The guest is asked; when it does not react, the time-out passes and the VM is switched off hard. */
function startGraceful(world: World, vm: VmRecord, to: "Off" | "Restarted", request: PowerRequest): TaskResponse {
  const timeoutMs = request.gracefulTimeoutMs ?? world.options.gracefulTimeoutMs;
  const reacts = vm.power === "On" && vm.guest.state === "Up" && !vm.guest.ignoresShutdown &&
    !world.faults.ignoreShutdown;
  const durationMs = reacts ? Math.min(world.options.shutdownMs, timeoutMs) : timeoutMs;
  return { task: world.start({ type: "Power", vmId: vm.id, to }, { vmId: vm.id, durationMs, isTimeout: !reacts }) };
}

function requireOn(vm: VmRecord, op: string): void {
  if (vm.power === "On") return;
  throw new ProviderError("Conflict", `${op} needs VM ${vm.name} to be On and it is ${vm.power}; switch it on first`, {
    reason: "PowerState",
  });
}

/** The end of a change of power. */
export function finishPower(world: World, vmId: string, to: Target): void {
  const vm = vmOf(world, vmId);
  switch (to) {
    case "On":
      return vm.power === "Suspended" ? resume(world, vm) : startBoot(world, vm);
    case "Restarted":
      return startBoot(world, vm);
    case "Off":
      world.store.put("vms", { ...vm, power: "Off", guest: { ...vm.guest, state: "Down" } });
      return world.store.effect("PoweredOff", vmId);
    case "Suspended":
      world.store.put("vms", { ...vm, power: "Suspended" });
      return world.store.effect("Suspended", vmId);
  }
}

/** Switches a VM on and lets its guest boot. */
export function startBoot(world: World, vm: VmRecord): void {
  const bootNumber = vm.guest.bootNumber + 1;
  world.store.put("vms", { ...vm, power: "On", guest: { ...vm.guest, state: "Booting", bootNumber } });
  world.store.effect("PoweredOn", vm.id);
  world.start({ type: "Boot", vmId: vm.id, bootNumber }, {
    vmId: vm.id,
    internal: true,
    durationMs: world.options.bootMs,
  });
}

function resume(world: World, vm: VmRecord): void {
  world.store.put("vms", { ...vm, power: "On" });
  world.store.effect("Resumed", vm.id);
  // A guest that was suspended in the middle of its boot goes on with it.
  if (vm.guest.state === "Booting") startBoot(world, vm);
}
