/** Which addresses images may be fetched from. @module */
import { BlockList, isIP } from "node:net";

/** `forbidden`: link-local (metadata services of clouds), multicast, unspecified. `private`: inside the house. */
export type AddressKind = "public" | "private" | "forbidden";

const PRIVATE: readonly [network: string, prefix: number][] = [
  ["10.0.0.0", 8],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["::1", 128],
  ["fc00::", 7],
];
const FORBIDDEN: readonly [network: string, prefix: number][] = [
  ["0.0.0.0", 8],
  ["169.254.0.0", 16],
  ["224.0.0.0", 3],
  ["::", 128],
  ["fe80::", 10],
  ["ff00::", 8],
];

function blockList(networks: readonly [string, number][]): BlockList {
  const list = new BlockList();
  for (const [network, prefix] of networks) list.addSubnet(network, prefix, isIP(network) === 6 ? "ipv6" : "ipv4");
  return list;
}

/** Kind of an IP address; one that is written as IPv6 around IPv4 is what it is inside. */
export function addressKind(address: string): AddressKind {
  const inside = mapped(address.toLowerCase());
  const family = isIP(inside);
  if (family === 0) return "forbidden";
  const name = family === 6 ? "ipv6" : "ipv4";
  if (blockList(FORBIDDEN).check(inside, name)) return "forbidden";
  return blockList(PRIVATE).check(inside, name) ? "private" : "public";
}

/** The IPv4 address in `::ffff:a.b.c.d`, `::ffff:hhhh:hhhh` and in NAT64's `64:ff9b::`. */
function mapped(address: string): string {
  const dotted = /^(?:::ffff:|64:ff9b::)(\d+\.\d+\.\d+\.\d+)$/.exec(address)?.[1];
  if (dotted !== undefined) return dotted;
  const words = /^(?:::ffff:|64:ff9b::)([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(address);
  if (words === null) return address;
  const [high, low] = [Number.parseInt(words[1] ?? "", 16), Number.parseInt(words[2] ?? "", 16)];
  return [high >> 8, high & 255, low >> 8, low & 255].join(".");
}
