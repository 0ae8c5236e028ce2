/** Whether the shape of a machine has to change, and what may be done for it. Pure. @module */
import { ADOPTED_LABEL, REMOVE_DISKS_ANNOTATION } from "@virtrigaud/api";
import type { MachineSpec, ObservedMachine } from "@virtrigaud/contract";
import { differencesOf } from "./differences.ts";
import { retryDelayMs } from "./failure.ts";
import { joinWish, splitWish } from "./init_version.ts";
import type { InitView, Problem, VmInput } from "./input.ts";
import type { Ledger } from "./status.ts";

/**
 * Stands for the wish that a machine was made by when its making was not written down, because the manager died or could
 * not write. What differs may then be the user's doing, who changed the wish meanwhile, and is treated as that.
 */
export const UNRECORDED_WISH = "unrecorded";

/** What is to become of the shape. */
export interface Shape {
  /** Something is to be changed: it looks different, or the wish changed in a way that does not show. */
  readonly differs: boolean;
  /** What differs, as paths; `spec` and `spec.userData` for what does not show. */
  readonly fields: readonly string[];
  /** Differences that nobody puts right without a person. */
  readonly refused: readonly Problem[];
  /** What to ask the provider for; absent while the wish is not resolved. */
  readonly spec?: MachineSpec;
  /** Digest of the wish, first-boot configuration included. */
  readonly digest: string;
  /**
   * First-boot configuration is to be replaced: not at all, with what `spec` says, with what has to be read first, or with
   * what is not known yet; then nothing is done before it is.
   */
  readonly init: "Keep" | "Follow" | "Unread" | "Unknown";
  /** The same change was made just now and the difference stayed: wait that long, milliseconds. */
  readonly waitMs?: number;
  /** Whether the VM may be shut down for the change. */
  readonly mayPowerCycle: boolean;
  /** Why not, to go on with "waits for the VM to be off, ...". */
  readonly whyNoPowerCycle: string;
}

/** Compares wish and machine. */
export function shapeOf(input: VmInput, seen: ObservedMachine, ledger: Ledger): Shape {
  const { appliedWish } = ledger;
  const { vm, wish, now, history } = input;
  if (wish.type !== "Resolved") {
    return {
      differs: false,
      fields: [],
      refused: [],
      digest: "",
      init: "Keep",
      mayPowerCycle: false,
      whyNoPowerCycle: "",
    };
  }
  const { fields, refused, keptDisks, sizes } = differencesOf(wish.spec, seen, {
    adopted: vm.metadata.labels?.[ADOPTED_LABEL] === "true",
    removableDisks: new Set((vm.metadata.annotations?.[REMOVE_DISKS_ANNOTATION] ?? "").split(",").map((n) => n.trim())),
  });
  // What is refused is asked for as it is, so that the provider does the rest.
  const disks = wish.spec.disks.map((disk) => ({ ...disk, sizeGib: sizes.get(disk.name) ?? disk.sizeGib }));
  const applied = splitWish(appliedWish);
  const isNew = appliedWish !== undefined && applied.shape !== wish.shape;
  const asked = wish.init.type === "Unknown" ? lastAsked(wish.shape, ledger) : undefined;
  const init = asked === undefined || asked === applied.init ? initStep(wish.init, applied.init) : "Unknown";
  const version = wish.init.type === "Known" ? wish.init.version : asked ?? applied.init;
  const digest = joinWish({ shape: wish.shape, init: version });
  const differs = fields.length > 0 || (isNew && applied.shape !== UNRECORDED_WISH) || init !== "Keep";
  const again = differs && history?.digest === digest
    ? history.lastAt + retryDelayMs({ class: "Retryable" }, history.count) - now
    : 0;
  const onlineOnly = vm.spec.updatePolicy === "OnlineOnly";
  return {
    differs,
    fields: fields.length > 0 ? fields : isNew ? ["spec"] : init === "Keep" ? [] : ["spec.userData"],
    refused,
    spec: { ...wish.spec, disks: [...disks, ...keptDisks] },
    digest,
    init,
    ...(again > 0 ? { waitMs: again } : {}),
    // What somebody changed behind our back is put right, but never by an outage that nobody asked for; a Secret that was
    // renewed asks for none either.
    mayPowerCycle: !onlineOnly && isNew,
    whyNoPowerCycle: onlineOnly
      ? "because spec.updatePolicy is OnlineOnly"
      : "because it was changed outside of VirtRigaud and nobody asked for an outage",
  };
}

function initStep(wish: InitView, applied: string): Shape["init"] {
  if (wish.type !== "Known" || wish.version === applied) return "Keep";
  return wish.read ? "Follow" : "Unread";
}

/** A manager that starts does not know at once what it asked for last; what failed or waits has kept it. */
function lastAsked(shape: string, { failures, pendingPowerCycle }: Ledger): string | undefined {
  const wishes = [pendingPowerCycle, failures?.find(({ verb }) => verb === "Reconfigure")];
  return wishes.map((each) => splitWish(each?.wish)).find((wish) => wish.shape === shape)?.init;
}
