/** IP addresses and networks for CEL rules. @module */
import { isIP } from "node:net";

/** An IP address: family and number. */
export class Ip {
  private constructor(readonly family: 4 | 6, readonly number: bigint) {}

  /** Parses `text`; `undefined` when it is no address, has a zone, or is an IPv4 address written as IPv6. */
  static parse(text: string): Ip | undefined {
    const family = isIP(text);
    if (family === 4) return new Ip(4, text.split(".").reduce((sum, part) => sum * 256n + BigInt(part), 0n));
    if (family !== 6 || text.includes("%") || text.includes(".")) return undefined;
    const [head = "", tail] = text.split("::");
    const groups = (part: string) => (part === "" ? [] : part.split(":"));
    const before = groups(head);
    const after = tail === undefined ? [] : groups(tail);
    const all = [...before, ...Array(8 - before.length - after.length).fill("0"), ...after];
    return new Ip(6, all.reduce((sum, group) => sum * 65536n + BigInt(`0x${group}`), 0n));
  }

  /** The address with only the first `prefix` bits kept. */
  masked(prefix: number): Ip {
    const rest = BigInt(this.bits - prefix);
    return new Ip(this.family, (this.number >> rest) << rest);
  }
  /** 32 or 128. */
  get bits(): number {
    return this.family === 4 ? 32 : 128;
  }
  /** Whether the address lies in `network` (`127.0.0.0/8`). */
  within(network: string): boolean {
    return Cidr.parse(network)?.contains(this) ?? false;
  }
  equals(other: Ip): boolean {
    return this.family === other.family && this.number === other.number;
  }
  /** Canonical text (RFC 5952). */
  toString(): string {
    if (this.family === 4) return [24n, 16n, 8n, 0n].map((shift) => (this.number >> shift) & 255n).join(".");
    const groups = Array.from({ length: 8 }, (_, i) => ((this.number >> BigInt(112 - 16 * i)) & 65535n).toString(16));
    const runs = [...groups.join(":").matchAll(/(?:^|:)(?:0(?::|$)){2,}/g)].map(([run]) => run);
    const longest = runs.reduce((best, run) => (run.length > best.length ? run : best), "");
    return longest === "" ? groups.join(":") : groups.join(":").replace(longest, "::");
  }
}

/** An IP network: address and prefix length. */
export class Cidr {
  private constructor(readonly ip: Ip, readonly prefix: number) {}

  /** Parses `address/length`; host bits may be set. */
  static parse(text: string): Cidr | undefined {
    const [address = "", length = "", more] = text.split("/");
    const ip = Ip.parse(address);
    if (!ip || more !== undefined || !/^(0|[1-9]\d{0,2})$/.test(length) || Number(length) > ip.bits) return undefined;
    return new Cidr(ip, Number(length));
  }

  contains(ip: Ip): boolean {
    return ip.family === this.ip.family && ip.masked(this.prefix).equals(this.ip.masked(this.prefix));
  }
  containsNetwork(other: Cidr): boolean {
    return other.prefix >= this.prefix && this.contains(other.ip);
  }
  masked(): Cidr {
    return new Cidr(this.ip.masked(this.prefix), this.prefix);
  }
  equals(other: Cidr): boolean {
    return this.prefix === other.prefix && this.ip.equals(other.ip);
  }
  toString(): string {
    return `${this.ip}/${this.prefix}`;
  }
}
