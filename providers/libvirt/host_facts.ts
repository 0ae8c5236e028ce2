/** What does not change while a connection lasts: the host's name and what it can run. @module */
import type { LibvirtSession } from "./client/session.ts";
import * as hosts from "./client/host.ts";
import {
  type HostGuests,
  type MachineOffer,
  type Platform,
  readHostGuests,
  readMachineOffer,
} from "./domain_xml/capabilities.ts";

/** Asks once per connection and remembers. A host may come back with another QEMU, so that a new connection asks anew. */
export class HostFacts {
  readonly #session: LibvirtSession;
  readonly #answers = new Map<string, Promise<unknown>>();
  readonly #stop: () => void;

  constructor(session: LibvirtSession) {
    this.#session = session;
    this.#stop = session.listen((event) => {
      if (event.type === "Lost") this.#answers.clear();
    });
  }

  async platform(): Promise<Platform> {
    return (await this.guests()).platform;
  }

  guests(): Promise<HostGuests> {
    return this.#once("guests", () => hosts.capabilities(this.#session).then(readHostGuests));
  }

  /** What machines of this kind can have. */
  offer(platform: Platform): Promise<MachineOffer> {
    const key = `offer ${platform.emulator} ${platform.arch} ${platform.machine} ${platform.domainType}`;
    return this.#once(key, () => hosts.domainCapabilities(this.#session, platform).then(readMachineOffer));
  }

  hostname(): Promise<string> {
    return this.#once("hostname", () => hosts.hostname(this.#session));
  }

  /** Version of libvirt, `9.0.0`. */
  libvirtVersion(): Promise<string> {
    return this.#once("version", () => hosts.libvirtVersion(this.#session));
  }

  /** Frequency of the CPUs, MHz; 0 where the host does not tell. */
  cpuMhz(): Promise<number> {
    return this.#once("mhz", () => hosts.cpuMhz(this.#session));
  }

  close(): void {
    this.#stop();
  }

  async #once<T>(key: string, ask: () => Promise<T>): Promise<T> {
    const known = this.#answers.get(key) as Promise<T> | undefined;
    const asked = known ?? ask();
    if (known === undefined) this.#answers.set(key, asked);
    try {
      return await asked;
    } catch (error) {
      if (this.#answers.get(key) === asked) this.#answers.delete(key);
      throw error;
    }
  }
}
