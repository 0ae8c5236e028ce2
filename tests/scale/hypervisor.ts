/** The mock hypervisor of one provider process, looked at from behind. @module */

/** A VM as the mock keeps it, as far as it matters here. */
export interface MockVm {
  readonly id: string;
  readonly name: string;
  /** Absent for VMs that are not ours. */
  readonly ownerUid?: string;
}

/** Calls that came in. */
export interface Calls {
  readonly counts: Readonly<Record<string, number>>;
  readonly mutating: readonly { readonly method: string; readonly ownerUid: string; readonly at: number }[];
}

/** Control endpoint of a mock provider; see providers/mock/README.md. */
export class MockControl {
  constructor(readonly port: number) {}

  /** Our VMs, not those that were there before us. */
  async vms(): Promise<MockVm[]> {
    const all: MockVm[] = await this.#json("GET", "/vms");
    return all.filter(({ ownerUid }) => ownerUid !== undefined);
  }

  /** Every call since the process started. */
  calls(): Promise<Calls> {
    return this.#json("GET", "/calls");
  }

  /** Number of unary calls since the process started. */
  async callCount(): Promise<number> {
    return Object.values((await this.calls()).counts).reduce((sum, count) => sum + count, 0);
  }

  /** Switches a VM off behind the provider's back. */
  async powerOff(vmId: string): Promise<void> {
    await this.#send("POST", "/external", { type: "PowerOff", vmId });
  }

  /** From now on no call is answered. */
  async hang(): Promise<void> {
    await this.#send("POST", "/faults", { method: "all", at: "before", fault: "Hang" });
  }

  /** Takes all faults away. */
  async heal(): Promise<void> {
    await this.#send("DELETE", "/faults");
  }

  async #json<T>(method: string, path: string): Promise<T> {
    return await (await this.#send(method, path)).json();
  }

  async #send(method: string, path: string, body?: unknown): Promise<Response> {
    const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
    const response = await fetch(`http://127.0.0.1:${this.port}${path}`, init);
    if (!response.ok) throw new Error(`${method} ${path} of the mock: ${response.status} ${await response.text()}`);
    return response;
  }
}
