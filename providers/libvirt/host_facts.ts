/** What does not change while a connection lasts: the host's name and what it can run. @module */
import type { LibvirtSession } from "./client/session.ts";
import * as hosts from "./client/host.ts";
import { choosePlatform, type Platform } from "./domain_xml/capabilities.ts";

/** Asks once per connection and remembers. A host may come back with another QEMU, so that a new connection asks anew. */
export class HostFacts {
  readonly #session: LibvirtSession;
  #platform: Promise<Platform> | undefined;
  #hostname: Promise<string> | undefined;
  readonly #stop: () => void;

  constructor(session: LibvirtSession) {
    this.#session = session;
    this.#stop = session.listen((event) => {
      if (event.type === "Lost") this.#platform = this.#hostname = undefined;
    });
  }

  async platform(): Promise<Platform> {
    const asked = this.#platform ??= hosts.capabilities(this.#session).then(choosePlatform);
    return await this.#orForget(asked);
  }

  async hostname(): Promise<string> {
    const asked = this.#hostname ??= hosts.hostname(this.#session);
    return await this.#orForget(asked);
  }

  close(): void {
    this.#stop();
  }

  async #orForget<T>(asked: Promise<T>): Promise<T> {
    try {
      return await asked;
    } catch (error) {
      this.#platform = this.#hostname = undefined;
      throw error;
    }
  }
}
