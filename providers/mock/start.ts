/** A mock provider as its configuration wants it. @module */
import { type Clock, systemClock } from "@virtrigaud/resilience";
import { type Logger, silentLogger } from "@virtrigaud/telemetry";
import type { MockConfig } from "./config.ts";
import { type ControlServer, serveControl } from "./control.ts";
import { Faults } from "./faults.ts";
import { MockHypervisor } from "./hypervisor/hypervisor.ts";
import { FileJournal } from "./persistence.ts";
import { MockProvider } from "./provider.ts";

/** How much longer tasks take in slow mode. */
const SLOWDOWN = 10;

/** Options of {@linkcode startMock}. */
export interface StartOptions {
  readonly clock?: Clock;
  readonly log?: Logger;
}

/** A provider with a hypervisor of its own, and the control endpoint if there is one. Disposing ends all of it. */
export class StandaloneMock extends MockProvider implements AsyncDisposable {
  readonly hypervisor: MockHypervisor;
  readonly control: ControlServer | undefined;

  /** @param controlPort of the control endpoint; without it there is none */
  constructor(hypervisor: MockHypervisor, controlPort: number | undefined) {
    super(hypervisor);
    this.hypervisor = hypervisor;
    if (controlPort !== undefined) this.control = serveControl(hypervisor, { port: controlPort, calls: this.calls });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.control?.shutdown();
    this.hypervisor.close();
  }
}

/** Builds the hypervisor with its faults and, if it is to be kept, its memory. */
export function startMock(config: MockConfig, options: StartOptions = {}): StandaloneMock {
  const { clock = systemClock, log = silentLogger } = options;
  const faults = new Faults({ clock, seed: config.seed });
  faults.latencyMs = config.latencyMs;
  faults.jitterMs = config.jitterMs;
  if (config.slow) faults.slowdown = SLOWDOWN;
  const fault = { type: "Error", class: config.errorClass } as const;
  if (config.failureMode !== undefined) faults.add({ method: config.failureMode, at: "before", fault });
  if (config.errorRate > 0) faults.add({ method: "all", at: "before", fault, rate: config.errorRate });
  const { statePath, controlPort } = config;
  if (config.emptyMemory && statePath !== undefined) forget(statePath);
  const hypervisor = new MockHypervisor({
    ...config.hypervisor,
    clock,
    faults,
    ...statePath === undefined ? {} : { journal: new FileJournal(statePath) },
  });
  log.info("mock hypervisor is up", { vms: hypervisor.vms.length, persistent: statePath !== undefined });
  const mock = new StandaloneMock(hypervisor, controlPort);
  if (mock.control !== undefined) {
    log.warn("control endpoint is open to everybody on this machine", { address: `127.0.0.1:${mock.control.port}` });
  }
  return mock;
}

function forget(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
