/** The functions that Kubernetes adds to CEL, on top of those the base library has. @module */
import { CelEnvironment } from "@virtrigaud/deps/schema.ts";
import { isCidr } from "../formats.ts";
import { compilePattern } from "../node.ts";
import { Cidr, Ip } from "./network.ts";
import { Quantity } from "./quantity.ts";

const required = <T>(value: T | undefined, message: string): T => {
  if (value === undefined) throw new Error(message);
  return value;
};
const quantity = (text: string): Quantity =>
  required(
    Quantity.parse(text),
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
  );
const ip = (text: string): Ip => required(Ip.parse(text), `IP Address ${JSON.stringify(text)} parse error`);
const cidr = (text: string): Cidr => required(Cidr.parse(text), `network address parse error: ${JSON.stringify(text)}`);
const isUrl = (text: string): boolean => text.startsWith("/") || URL.canParse(text);

/** A URL, or an absolute path, which `url()` takes too. */
class CelUrl {
  readonly #url: URL;
  readonly #relative: boolean;
  constructor(text: string) {
    if (!isUrl(text)) throw new Error(`URL parse error: ${JSON.stringify(text)} is neither a URL nor an absolute path`);
    this.#relative = text.startsWith("/");
    this.#url = new URL(text, "http://relative.invalid");
  }
  part(name: "protocol" | "host" | "hostname" | "port" | "pathname"): string {
    if (this.#relative && name !== "pathname") return "";
    const value = this.#url[name];
    return name === "protocol" ? value.replace(/:$/, "") : name === "hostname" ? value.replace(/^\[|\]$/g, "") : value;
  }
  query(): Map<string, string[]> {
    const { searchParams } = this.#url;
    return new Map([...searchParams.keys()].map((key) => [key, searchParams.getAll(key)]));
  }
}

class Sets {}

function registerQuantities(env: CelEnvironment): void {
  env.registerType("Quantity", { ctor: Quantity, fields: {} })
    .registerFunction("quantity(string): Quantity", quantity)
    .registerFunction("isQuantity(string): bool", (text: string) => Quantity.parse(text) !== undefined)
    .registerFunction("Quantity.isInteger(): bool", (q: Quantity) => q.isInteger)
    .registerFunction("Quantity.asInteger(): int", (q: Quantity) => {
      if (!q.isInteger) throw new Error("cannot convert value to integer");
      return q.integer;
    })
    .registerFunction("Quantity.asApproximateFloat(): double", (q: Quantity) => q.float)
    .registerFunction("Quantity.add(Quantity): Quantity", (a: Quantity, b: Quantity) => new Quantity(a.nanos + b.nanos))
    .registerFunction(
      "Quantity.add(int): Quantity",
      (a: Quantity, b: bigint) => new Quantity(a.nanos + quantity(`${b}`).nanos),
    )
    .registerFunction("Quantity.sub(Quantity): Quantity", (a: Quantity, b: Quantity) => new Quantity(a.nanos - b.nanos))
    .registerFunction(
      "Quantity.sub(int): Quantity",
      (a: Quantity, b: bigint) => new Quantity(a.nanos - quantity(`${b}`).nanos),
    )
    .registerFunction("Quantity.compareTo(Quantity): int", (a: Quantity, b: Quantity) => a.compare(b))
    .registerFunction("Quantity.isGreaterThan(Quantity): bool", (a: Quantity, b: Quantity) => a.compare(b) > 0n)
    .registerFunction("Quantity.isLessThan(Quantity): bool", (a: Quantity, b: Quantity) => a.compare(b) < 0n)
    .registerOperator("Quantity == Quantity", (a: Quantity, b: Quantity) => a.compare(b) === 0n);
}

function registerAddresses(env: CelEnvironment): void {
  env.registerType("net.IP", { ctor: Ip, fields: {} })
    .registerType("net.CIDR", { ctor: Cidr, fields: {} })
    .registerFunction("ip(string): net.IP", ip)
    .registerFunction("isIP(string): bool", (text: string) => Ip.parse(text) !== undefined)
    .registerFunction("string(net.IP): string", (a: Ip) => `${a}`)
    .registerFunction("net.IP.family(): int", (a: Ip) => BigInt(a.family))
    .registerFunction("net.IP.isUnspecified(): bool", (a: Ip) => a.number === 0n)
    .registerFunction("net.IP.isLoopback(): bool", (a: Ip) => a.within("127.0.0.0/8") || a.within("::1/128"))
    .registerFunction(
      "net.IP.isLinkLocalMulticast(): bool",
      (a: Ip) => a.within("224.0.0.0/24") || a.within("ff02::/16"),
    )
    .registerFunction(
      "net.IP.isLinkLocalUnicast(): bool",
      (a: Ip) => a.within("169.254.0.0/16") || a.within("fe80::/10"),
    )
    .registerFunction(
      "net.IP.isGlobalUnicast(): bool",
      (a: Ip) =>
        ["0.0.0.0/32", "255.255.255.255/32", "127.0.0.0/8", "224.0.0.0/4", "169.254.0.0/16"]
          .concat(["::/128", "::1/128", "ff00::/8", "fe80::/10"]).every((network) => !a.within(network)),
    )
    .registerOperator("net.IP == net.IP", (a: Ip, b: Ip) => a.equals(b))
    .registerFunction("cidr(string): net.CIDR", cidr)
    .registerFunction("isCIDR(string): bool", isCidr)
    .registerFunction("string(net.CIDR): string", (a: Cidr) => `${a}`)
    .registerFunction("net.CIDR.ip(): net.IP", (a: Cidr) => a.ip)
    .registerFunction("net.CIDR.prefixLength(): int", (a: Cidr) => BigInt(a.prefix))
    .registerFunction("net.CIDR.masked(): net.CIDR", (a: Cidr) => a.masked())
    .registerFunction("net.CIDR.containsIP(string): bool", (a: Cidr, b: string) => a.contains(ip(b)))
    .registerFunction("net.CIDR.containsIP(net.IP): bool", (a: Cidr, b: Ip) => a.contains(b))
    .registerFunction("net.CIDR.containsCIDR(string): bool", (a: Cidr, b: string) => a.containsNetwork(cidr(b)))
    .registerFunction("net.CIDR.containsCIDR(net.CIDR): bool", (a: Cidr, b: Cidr) => a.containsNetwork(b))
    .registerOperator("net.CIDR == net.CIDR", (a: Cidr, b: Cidr) => a.equals(b));
}

function registerUrls(env: CelEnvironment): void {
  env.registerType("net.URL", { ctor: CelUrl, fields: {} })
    .registerFunction("url(string): net.URL", (text: string) => new CelUrl(text))
    .registerFunction("isURL(string): bool", isUrl)
    .registerFunction("net.URL.getScheme(): string", (u: CelUrl) => u.part("protocol"))
    .registerFunction("net.URL.getHost(): string", (u: CelUrl) => u.part("host"))
    .registerFunction("net.URL.getHostname(): string", (u: CelUrl) => u.part("hostname"))
    .registerFunction("net.URL.getPort(): string", (u: CelUrl) => u.part("port"))
    .registerFunction("net.URL.getEscapedPath(): string", (u: CelUrl) => u.part("pathname"))
    .registerFunction("net.URL.getQuery(): map<string, list<string>>", (u: CelUrl) => u.query());
}

function registerStrings(env: CelEnvironment): void {
  const pattern = (text: string, flags: string) => new RegExp(compilePattern(text, "find()"), flags);
  env
    .registerFunction("string.charAt(int): string", (text: string, index: bigint) => {
      if (index < 0n || index > BigInt(text.length)) throw new Error(`index out of range: ${index}`);
      return text.charAt(Number(index));
    })
    .registerFunction(
      "string.replace(string, string): string",
      (text: string, from: string, to: string) => text.replaceAll(from, () => to),
    )
    .registerFunction(
      "string.find(string): string",
      (text: string, re: string) => pattern(re, "").exec(text)?.[0] ?? "",
    )
    .registerFunction(
      "string.findAll(string): list<string>",
      (text: string, re: string) => [...text.matchAll(pattern(re, "g"))].map(([found]) => found),
    );
}

/** Functions of the base library that no Kubernetes API server has. A rule that uses one would work here alone. */
const FOREIGN = /\bcel\s*\.|\.\s*(?:json|hex|base64|at|string)\s*\(/;

/** The call in `rule` that Kubernetes does not know, if there is one; text in quotes does not count. */
export const foreignCall = (rule: string): string | undefined =>
  FOREIGN.exec(rule.replaceAll(/"(\\.|[^"\\])*"|'(\\.|[^'\\])*'/g, "''"))?.[0];

type Ordered = bigint | number | string;

function registerLists(env: CelEnvironment): void {
  const extreme = (list: Ordered[], better: (a: Ordered, b: Ordered) => boolean): Ordered =>
    required(
      list.slice(1).reduce<Ordered | undefined>(
        (best, x) => (best !== undefined && better(best, x) ? best : x),
        list[0],
      ),
      "min or max of an empty list",
    );
  const sorted = (list: Ordered[]) => list.every((x, i) => i === 0 || (list[i - 1] ?? x) <= x);
  env
    .registerFunction("list.isSorted(): bool", sorted)
    .registerFunction("list.min(): dyn", (list: Ordered[]) => extreme(list, (a, b) => a <= b))
    .registerFunction("list.max(): dyn", (list: Ordered[]) => extreme(list, (a, b) => a >= b))
    .registerFunction("list<int>.sum(): int", (list: bigint[]) => list.reduce((sum, x) => sum + x, 0n))
    .registerFunction("list<string>.indexOf(string): int", (list: string[], x: string) => BigInt(list.indexOf(x)))
    .registerFunction(
      "list<string>.lastIndexOf(string): int",
      (list: string[], x: string) => BigInt(list.lastIndexOf(x)),
    );
  env.registerType("Sets", { ctor: Sets, fields: {} })
    .registerConstant("sets", "Sets", new Sets())
    .registerFunction(
      "Sets.contains(list<string>, list<string>): bool",
      (_: Sets, a: string[], b: string[]) => b.every((x) => a.includes(x)),
    )
    .registerFunction(
      "Sets.intersects(list<string>, list<string>): bool",
      (_: Sets, a: string[], b: string[]) => b.some((x) => a.includes(x)),
    )
    .registerFunction(
      "Sets.equivalent(list<string>, list<string>): bool",
      (_: Sets, a: string[], b: string[]) => b.every((x) => a.includes(x)) && a.every((x) => b.includes(x)),
    );
}

/** A CEL environment with the functions of Kubernetes; the caller adds types and variables. */
export function kubernetesEnvironment(): CelEnvironment {
  const env = new CelEnvironment({ enableOptionalTypes: true });
  registerQuantities(env);
  registerAddresses(env);
  registerUrls(env);
  registerStrings(env);
  registerLists(env);
  return env;
}
