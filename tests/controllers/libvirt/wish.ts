/** A machine out of the objects that describe it, the way the manager does it. @module */
import { API_VERSION, type VirtualMachine } from "@virtrigaud/api";
import type { MachineSpec } from "@virtrigaud/contract";
import { guestInitOf } from "../../../src/controllers/virtual_machine/guest_init.ts";
import { resolveWish } from "../../../src/controllers/virtual_machine/wish.ts";
import type { Objects } from "./fields.ts";

const meta = (name: string) => ({ name, namespace: "default", uid: `uid-${name}`, generation: 1 });

/** The wish that a VirtualMachine `name` and its class, image and network add up to on a Provider of type libvirt. */
export function wishFor(name: string, objects: Objects): ReturnType<typeof resolveWish> {
  const vm: VirtualMachine = {
    apiVersion: API_VERSION,
    kind: "VirtualMachine",
    metadata: meta(name),
    spec: {
      providerRef: { name: "p" },
      classRef: { name: "c" },
      imageRef: { name: "i" },
      networks: [{ name: "lan", networkRef: { name: "lan" } }],
      ...objects.vm,
    },
  };
  return resolveWish(vm, {
    provider: {
      name: "p",
      object: {
        apiVersion: API_VERSION,
        kind: "Provider",
        metadata: meta("p"),
        spec: { type: "libvirt", endpoint: "qemu:///system", runtime: { image: "i" } },
      },
    },
    class: {
      name: "c",
      object: {
        apiVersion: API_VERSION,
        kind: "VMClass",
        metadata: meta("c"),
        spec: { cpu: 1, memory: "128Mi", ...objects.class },
      },
    },
    image: {
      name: "i",
      object: {
        apiVersion: API_VERSION,
        kind: "VMImage",
        metadata: meta("i"),
        spec: { source: { libvirt: { path: "default/tiny.qcow2" } }, ...objects.image },
      },
    },
    networks: new Map([["lan", {
      name: "lan",
      object: {
        apiVersion: API_VERSION,
        kind: "VMNetworkAttachment",
        metadata: meta("lan"),
        spec: { network: { libvirt: { networkName: "default" } }, ...objects.network },
      },
    }]]),
    guestInit: { type: "Read", birth: true, content: guestInitOf(vm, new Map()), versions: new Map() },
  });
}

/** The specification, where there is nothing wrong with the wish. */
export function specFor(name: string, objects: Objects): MachineSpec {
  const wish = wishFor(name, objects);
  if (wish.type === "Resolved") return wish.spec;
  throw new Error(`the wish is ${wish.type}: ${JSON.stringify(wish)}`);
}
