/** What the guest itself tells: through its agent, or through the leases it took. @module */
import { ProviderError } from "@virtrigaud/contract";
import { backoffDelay, type BackoffPolicy, type Clock } from "@virtrigaud/resilience";
import type { Rpc } from "./client/connection.ts";
import * as domains from "./client/domain.ts";
import type { DomainRef, TypedParams } from "./client/objects.ts";

/** What an agent answered. */
export interface AgentAnswer {
  readonly hostname?: string;
  readonly os?: string;
  /** Addresses by MAC. */
  readonly addresses: ReadonlyMap<string, readonly string[]>;
}

/** How long an agent that did not answer is left alone. Every unanswered question blocks a lane for seconds. */
const QUARANTINE: BackoffPolicy = { baseMs: 30_000, maxMs: 600_000, jitter: 0 };
/** How long an answer with an address holds for {@linkcode GuestAgents.ask}. Asking takes the guest tens of milliseconds. */
const FRESH_MS = 5_000;
/** How long libvirt waits for an agent, seconds. A healthy one answers in milliseconds. */
const AGENT_TIMEOUT_S = 5;
/** An interface has few addresses; the limit bounds what a guest can make us read. */
const ADDRESSES_MAX = 256;

/** Asks guest agents, and leaves those alone that hang. */
export class GuestAgents {
  readonly #rpc: Rpc;
  readonly #clock: Clock;
  readonly #quarantine = new Map<string, { readonly until: number; readonly failures: number }>();
  readonly #answers = new Map<string, { readonly until: number; readonly id: number; readonly answer: AgentAnswer }>();
  /** Runs of domains whose agent timeout is set; libvirt forgets it when the domain stops. */
  readonly #prepared = new Map<string, number>();

  constructor(rpc: Rpc, clock: Clock) {
    this.#rpc = rpc;
    this.#clock = clock;
  }

  /**
   * The agent's answer, {@linkcode FRESH_MS} old at most unless {@linkcode GuestAgents.renew} was called since;
   * `undefined` if it gave none. Errors of the connection are thrown.
   */
  async ask(domain: DomainRef, options?: { readonly signal?: AbortSignal }): Promise<AgentAnswer | undefined> {
    const known = this.#answers.get(domain.uuid);
    if (known !== undefined && known.id === domain.id && known.until > this.#clock.monotonic()) return known.answer;
    this.#answers.delete(domain.uuid);
    const silent = this.#quarantine.get(domain.uuid);
    if (silent !== undefined && silent.until > this.#clock.monotonic()) return undefined;
    try {
      if (this.#prepared.get(domain.uuid) !== domain.id) {
        await domains.setAgentTimeout(this.#rpc, domain, AGENT_TIMEOUT_S, options);
        this.#prepared.set(domain.uuid, domain.id);
      }
      const answer = readAnswer(await domains.agentInfo(this.#rpc, domain, options));
      this.#quarantine.delete(domain.uuid);
      if (publicAddresses([...answer.addresses.values()].flat()).length > 0) {
        this.#answers.set(domain.uuid, { until: this.#clock.monotonic() + FRESH_MS, id: domain.id, answer });
      }
      return answer;
    } catch (error) {
      if (ProviderError.is(error, "Unavailable") || options?.signal?.aborted) throw error;
      const failures = (silent?.failures ?? 0) + 1;
      this.#quarantine.set(domain.uuid, {
        until: this.#clock.monotonic() + backoffDelay(QUARANTINE, failures),
        failures,
      });
      return undefined;
    }
  }

  /** Something has happened to this domain: what its agent has said holds no more. */
  renew(uuid: string): void {
    this.#answers.delete(uuid);
  }

  /** The agent of this domain has just connected: ask it again. */
  welcome(uuid: string): void {
    this.#quarantine.delete(uuid);
  }

  /** Forgets a domain that is gone. */
  forget(uuid: string): void {
    this.#quarantine.delete(uuid);
    this.#answers.delete(uuid);
    this.#prepared.delete(uuid);
  }
}

function readAnswer(params: TypedParams): AgentAnswer {
  const text = (name: string): string | undefined => {
    const value = params.get(name);
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  const count = (name: string): number => Math.min(Number(params.get(name) ?? 0), ADDRESSES_MAX);
  const addresses = new Map<string, string[]>();
  for (let nic = 0; nic < count("if.count"); nic++) {
    const mac = text(`if.${nic}.hwaddr`)?.toLowerCase();
    if (mac === undefined) continue;
    for (let index = 0; index < count(`if.${nic}.addr.count`); index++) {
      const address = text(`if.${nic}.addr.${index}.addr`);
      if (address !== undefined) addresses.set(mac, [...addresses.get(mac) ?? [], address]);
    }
  }
  const [hostname, os] = [text("hostname"), text("os.pretty-name") ?? text("os.name")];
  return { ...(hostname === undefined ? {} : { hostname }), ...(os === undefined ? {} : { os }), addresses };
}

/** Addresses that mean something outside the guest, IPv4 before IPv6. */
export function publicAddresses(addresses: readonly string[]): string[] {
  const useful = addresses.filter((address) =>
    !/^(127\.|169\.254\.|0\.0\.0\.0)/.test(address) && !/^(::1$|::$|fe[89ab])/i.test(address)
  );
  const isIpv6 = (address: string) => address.includes(":");
  return [...new Set([...useful.filter((address) => !isIpv6(address)), ...useful.filter(isIpv6)])];
}
