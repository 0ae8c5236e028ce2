/** Calls about virtual networks. @module */
import type { Rpc } from "./connection.ts";
import { errorCode, LibvirtError } from "./errors.ts";
import { type NetworkRef, readNetwork } from "./objects.ts";
import { procedure } from "./procedures.ts";

/** Whether domains can be plugged into the network now. */
export const isActive = (
  rpc: Rpc,
  network: NetworkRef,
  options: { readonly signal?: AbortSignal } = {},
): Promise<boolean> =>
  rpc.call({
    procedure: procedure.networkIsActive,
    doing: `ask whether network "${network.name}" is active`,
    args: (w) => w.string(network.name).uuid(network.uuid),
    reply: (r) => r.i32() === 1,
  }, options);

/** The network of this name; `undefined` is proof that there is none. */
export async function byName(
  rpc: Rpc,
  name: string,
  options: { readonly signal?: AbortSignal } = {},
): Promise<NetworkRef | undefined> {
  try {
    return await rpc.call({
      procedure: procedure.networkLookupByName,
      doing: `look up network "${name}"`,
      args: (w) => w.string(name),
      reply: readNetwork,
    }, options);
  } catch (error) {
    if (LibvirtError.hasCode(error, errorCode.noNetwork)) return undefined;
    throw error;
  }
}

/** Description of the network. */
export const xml = (
  rpc: Rpc,
  network: NetworkRef,
  options: { readonly signal?: AbortSignal } = {},
): Promise<string> =>
  rpc.call({
    procedure: procedure.networkGetXml,
    doing: `read the description of network "${network.name}"`,
    args: (w) => w.string(network.name).uuid(network.uuid).u32(0),
    reply: (r) => r.string(),
  }, options);

/** Whether there is a network filter of this name. */
export async function hasFilter(
  rpc: Rpc,
  name: string,
  options: { readonly signal?: AbortSignal } = {},
): Promise<boolean> {
  try {
    await rpc.call({
      procedure: procedure.filterLookupByName,
      doing: `look up network filter "${name}"`,
      args: (w) => w.string(name),
      reply: readNetwork,
    }, options);
    return true;
  } catch (error) {
    if (LibvirtError.hasCode(error, errorCode.noFilter)) return false;
    throw error;
  }
}
