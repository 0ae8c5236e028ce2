/** The mock's hypervisor itself, behind the provider's back, through its control endpoint. @module */
import type { Effect, VmRecord, VolumeRecord } from "../../../providers/mock/mod.ts";
import { freePort } from "./stages.ts";

/** The control endpoint of one mock provider process, and of the one that is started after it dies. */
export class MockHypervisor {
  readonly #url: string;

  /** @param stateFile that the provider keeps its memory in */
  constructor(readonly stateFile: string, readonly port: number = freePort()) {
    this.#url = `http://127.0.0.1:${port}`;
  }

  /** VMs that carry a mark of ours. */
  async ours(): Promise<VmRecord[]> {
    return (await this.#get<VmRecord[]>("/vms")).filter((vm) => vm.ownerUid !== undefined);
  }

  /** Our VM of this object; an error when there is more than one. */
  async vmOf(uid: string): Promise<VmRecord | undefined> {
    const [first, ...more] = (await this.ours()).filter((vm) => vm.ownerUid === uid);
    if (more.length > 0) throw new Error(`${more.length + 1} VMs carry the mark of object ${uid}`);
    return first;
  }

  /** Volumes that belong to no VM that is there: orphans. */
  async orphans(): Promise<VolumeRecord[]> {
    const vms = new Set((await this.#get<VmRecord[]>("/vms")).map(({ id }) => id));
    return (await this.volumes()).filter(({ vmId }) => vmId === undefined || !vms.has(vmId));
  }

  volumes(): Promise<VolumeRecord[]> {
    return this.#get("/volumes");
  }

  effects(): Promise<Effect[]> {
    return this.#get("/effects");
  }

  /** What a test asks of the hypervisor when all is deleted: nothing of ours is left. */
  async leftovers(): Promise<string[]> {
    const [vms, volumes] = [await this.ours(), await this.orphans()];
    return [...vms.map(({ name }) => `VM ${name}`), ...volumes.map(({ name }) => `volume ${name}`)];
  }

  /** Our VMs as the provider left them when its process ended. */
  async oursOnDisk(): Promise<string[]> {
    const vms = new Map<string, VmRecord | null>();
    for (const line of (await Deno.readTextFile(this.stateFile)).trimEnd().split("\n")) {
      const { w }: { w: readonly (readonly [table: string, id: string, record: VmRecord | null])[] } = JSON.parse(line);
      for (const [table, id, record] of w) if (table === "vms") vms.set(id, record);
    }
    return [...vms.values()].flatMap((vm) => vm?.ownerUid === undefined ? [] : [vm.name]);
  }

  /** Adds a fault, or turns a knob. */
  async fault(rule: Readonly<Record<string, unknown>>): Promise<void> {
    await this.#send("POST", "/faults", rule);
  }

  async noFaults(): Promise<void> {
    await this.#send("DELETE", "/faults");
  }

  /** Somebody else changes something. */
  async external(change: Readonly<Record<string, unknown>>): Promise<void> {
    await this.#send("POST", "/external", change);
  }

  /** Lets every watch begin again with a full list. */
  async resync(): Promise<void> {
    await this.#send("POST", "/resync");
  }

  /** Breaks every watch off. */
  async cutWatches(): Promise<void> {
    await this.#send("POST", "/cut");
  }

  async #get<T>(path: string): Promise<T> {
    const response = await fetch(`${this.#url}${path}`, { signal: AbortSignal.timeout(5_000) });
    return await response.json();
  }

  async #send(method: string, path: string, body?: unknown): Promise<void> {
    const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
    const response = await fetch(`${this.#url}${path}`, { ...init, signal: AbortSignal.timeout(5_000) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
  }
}
