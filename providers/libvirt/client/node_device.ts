/** Calls about devices of the host. @module */
import type { Rpc } from "./connection.ts";
import { procedure } from "./procedures.ts";

interface Options {
  readonly signal?: AbortSignal;
}

/** `virConnectListAllNodeDeviceFlags`: PCI devices. */
const CAP_PCI = 2;

/** Names of the host's PCI devices. */
export const listPci = (rpc: Rpc, options?: Options): Promise<string[]> =>
  rpc.call({
    procedure: procedure.listAllNodeDevices,
    doing: "list PCI devices of the host",
    args: (w) => w.i32(1).u32(CAP_PCI),
    reply: (r) => r.list((item) => item.string()),
  }, options);

/** Description of the device. */
export const xml = (rpc: Rpc, name: string, options?: Options): Promise<string> =>
  rpc.call({
    procedure: procedure.nodeDeviceGetXml,
    doing: `read the description of host device ${name}`,
    args: (w) => w.string(name).u32(0),
    reply: (r) => r.string(),
  }, options);
