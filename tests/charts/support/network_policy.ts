/** What NetworkPolicies (networking.k8s.io/v1) let through: the rules of the specification, for tests without a network. @module */

type Labels = Readonly<Record<string, string>>;

/** One end of a connection. */
export type Peer =
  | {
    readonly type: "Pod";
    readonly namespace: string;
    readonly namespaceLabels: Labels;
    readonly labels: Labels;
    /** Numbers of named ports. */
    readonly ports: Readonly<Record<string, number>>;
  }
  | { readonly type: "Address"; readonly ip: string };

/** A connection that is tried. */
export interface Flow {
  readonly from: Peer;
  readonly to: Peer;
  readonly port: number;
  readonly protocol: "TCP" | "UDP";
}

interface Selector {
  readonly matchLabels?: Labels;
}
interface PolicyPeer {
  readonly podSelector?: Selector;
  readonly namespaceSelector?: Selector;
  readonly ipBlock?: { readonly cidr: string };
}
interface PolicyPort {
  readonly port?: number | string;
  readonly protocol?: "TCP" | "UDP";
}
interface Rule {
  readonly ports?: readonly PolicyPort[];
  readonly from?: readonly PolicyPeer[];
  readonly to?: readonly PolicyPeer[];
}

/** A policy. */
export interface Policy {
  readonly metadata: { readonly namespace: string };
  readonly spec: {
    readonly podSelector: Selector;
    readonly policyTypes: readonly ("Ingress" | "Egress")[];
    readonly ingress?: readonly Rule[];
    readonly egress?: readonly Rule[];
  };
}

/** Whether both ends let the connection through. A pod that no policy selects for a direction is open in it. */
export function allowed(policies: readonly Policy[], flow: Flow): boolean {
  return passes(policies, flow, "Egress") && passes(policies, flow, "Ingress");
}

function passes(policies: readonly Policy[], flow: Flow, direction: "Ingress" | "Egress"): boolean {
  const [own, other] = direction === "Ingress" ? [flow.to, flow.from] : [flow.from, flow.to];
  if (own.type !== "Pod") return true;
  const selecting = policies.filter(({ metadata, spec }) =>
    metadata.namespace === own.namespace && spec.policyTypes.includes(direction) &&
    matches(spec.podSelector, own.labels)
  );
  if (selecting.length === 0) return true;
  return selecting.some(({ metadata, spec }) =>
    (direction === "Ingress" ? spec.ingress ?? [] : spec.egress ?? []).some((rule) => {
      const peers = direction === "Ingress" ? rule.from : rule.to;
      return (peers === undefined || peers.length === 0 ||
        peers.some((peer) => isPeer(peer, other, metadata.namespace))) && isPort(rule.ports, flow);
    })
  );
}

const matches = ({ matchLabels = {} }: Selector, labels: Labels): boolean =>
  Object.entries(matchLabels).every(([key, value]) => labels[key] === value);

function isPeer({ ipBlock, podSelector, namespaceSelector }: PolicyPeer, other: Peer, namespace: string): boolean {
  if (other.type === "Address") return ipBlock !== undefined && within(other.ip, ipBlock.cidr);
  if (ipBlock !== undefined) return false;
  const inNamespace = namespaceSelector === undefined
    ? other.namespace === namespace
    : matches(namespaceSelector, other.namespaceLabels);
  return inNamespace && (podSelector === undefined || matches(podSelector, other.labels));
}

function isPort(ports: readonly PolicyPort[] | undefined, { to, port, protocol }: Flow): boolean {
  if (ports === undefined || ports.length === 0) return true;
  return ports.some((each) => {
    const number = typeof each.port === "string" ? to.type === "Pod" ? to.ports[each.port] : undefined : each.port;
    return (each.protocol ?? "TCP") === protocol && (each.port === undefined || number === port);
  });
}

/** IPv4 only: that is what the tests speak. */
function within(ip: string, cidr: string): boolean {
  const [network = "", bits = "32"] = cidr.split("/");
  if (!/^[0-9.]+$/.test(network)) return false;
  const number = (text: string) => text.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
  const size = 2 ** (32 - Number(bits));
  return Math.floor(number(ip) / size) === Math.floor(number(network) / size);
}
