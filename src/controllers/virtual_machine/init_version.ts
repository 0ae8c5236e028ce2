/**
 * Whether first-boot configuration has changed, told without its content: what Secrets hold is read only when it has, and
 * no digest of it is kept anywhere, since a digest of a password is good enough to guess it by.
 *
 * @module
 */
import type { VirtualMachine } from "@virtrigaud/api";
import type { Nic } from "@virtrigaud/contract";
import { digestOf } from "../shared/digest.ts";

/**
 * Stands for everything that a first-boot medium is made from: inline text, which is in the object beside it, the versions
 * of Secrets, and the cards if one has static addresses; empty when there is nothing to make it from.
 */
export function initVersion(
  vm: VirtualMachine,
  secrets: ReadonlyMap<string, string>,
  nics: readonly Nic[],
): string {
  const { userData, metaData } = vm.spec;
  const parts = { user: userData?.cloudInit, ignition: userData?.ignition, meta: metaData?.cloudInit };
  const given = Object.entries(parts).flatMap(([name, part]) => {
    const inline = part?.inline === "" ? undefined : part?.inline;
    const secret = part?.secretRef === undefined ? undefined : secrets.get(part.secretRef.name) ?? "";
    return inline === undefined && secret === undefined ? [] : [{ name, inline, secret }];
  });
  const wired = nics.some(({ addresses }) => addresses.length > 0)
    ? nics.map(({ name, mac, mtu, addresses, unmanaged, dns, routes }) => ({
      name,
      mac,
      mtu,
      addresses,
      unmanaged,
      dns,
      routes,
    }))
    : [];
  return given.length + wired.length === 0 ? "" : digestOf({ uid: vm.metadata.uid, given, wired });
}

/** The two halves of what `status.appliedWish` stands for. */
export interface AppliedWish {
  readonly shape: string;
  /** {@linkcode initVersion} of what the machine was given; empty for none. */
  readonly init: string;
}

/** `wish` as one word. */
export const joinWish = ({ shape, init }: AppliedWish): string => init === "" ? shape : `${shape}.${init}`;

/** What {@linkcode joinWish} has joined. */
export function splitWish(word: string | undefined): AppliedWish {
  const [shape = "", init = ""] = (word ?? "").split(".");
  return { shape, init };
}
