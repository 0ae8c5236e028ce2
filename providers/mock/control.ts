/** The hypervisor itself, over HTTP on loopback: how end-to-end tests look behind the provider. @module */
import { errorClasses, ProviderError } from "@virtrigaud/contract";
import type { CallLog } from "./calls.ts";
import { type FaultKind, type FaultPoint, type FaultRule, methods } from "./faults.ts";
import type { ExternalChange } from "./hypervisor/external.ts";
import type { MockHypervisor } from "./hypervisor/hypervisor.ts";

/** A running control endpoint. */
export interface ControlServer {
  readonly port: number;
  shutdown(): Promise<void>;
}

/** Largest request body, bytes. */
const MAX_BODY = 65_536;

/**
 * Serves the control endpoint on 127.0.0.1:
 *
 * - `GET /calls`: how often each method was called, and the latest calls that change something
 * - `GET /vms`, `/volumes`, `/tasks`, `/effects`, `/transfers`: what the hypervisor holds
 * - `POST /external` with an {@linkcode ExternalChange}: somebody changes something; answers `{"vmId"}`
 * - `POST /faults` with a {@linkcode FaultRule} or knobs (`{"latencyMs": 100}`); `DELETE /faults` takes all away
 * - `POST /resync`: all watches begin again; `POST /cut`: all watches break off
 *
 * There is no authentication: it exists for tests, and only when it is asked for.
 */
export function serveControl(
  hypervisor: MockHypervisor,
  options: { readonly port: number; readonly calls: CallLog },
): ControlServer {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: options.port, onListen: () => {} },
    async (request) => {
      try {
        return await answer(hypervisor, options.calls, request);
      } catch (error) {
        if (error instanceof BadRequest) return Response.json({ error: error.message }, { status: 400 });
        if (error instanceof ProviderError) {
          return Response.json({ error: error.message, class: error.class }, { status: 409 });
        }
        throw error;
      }
    },
  );
  return { port: server.addr.port, shutdown: () => server.shutdown() };
}

class BadRequest extends Error {}

async function answer(hypervisor: MockHypervisor, calls: CallLog, request: Request): Promise<Response> {
  const { store } = hypervisor.world;
  const route = `${request.method} ${new URL(request.url).pathname}`;
  switch (route) {
    case "GET /calls":
      return Response.json({ counts: calls.counts, mutating: calls.mutating });
    case "GET /vms":
      return Response.json(hypervisor.vms);
    case "GET /volumes":
      return Response.json(hypervisor.volumes);
    case "GET /tasks":
      return Response.json([...store.list("tasks")]);
    case "GET /transfers":
      return Response.json([...store.list("transfers")]);
    case "GET /effects":
      return Response.json(hypervisor.effects);
    case "POST /external":
      return Response.json({ vmId: hypervisor.external(parseChange(await body(request))) });
    case "POST /faults":
      setFaults(hypervisor, await body(request));
      return new Response(null, { status: 204 });
    case "DELETE /faults":
      hypervisor.faults.clear();
      return new Response(null, { status: 204 });
    case "POST /resync":
      hypervisor.resync();
      return new Response(null, { status: 204 });
    case "POST /cut":
      hypervisor.cutWatches();
      return new Response(null, { status: 204 });
    default:
      return Response.json({ error: `no such thing: ${route}` }, { status: 404 });
  }
}

type Fields = Record<string, unknown>;

async function body(request: Request): Promise<Fields> {
  const text = await request.text();
  if (text.length > MAX_BODY) throw new BadRequest(`the body is longer than ${MAX_BODY} characters`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new BadRequest("the body is not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new BadRequest("expected an object");
  return { ...value };
}

function parseChange(fields: Fields): ExternalChange {
  const { type } = fields;
  switch (type) {
    case "PowerOn":
    case "PowerOff":
    case "Delete":
      return { type, vmId: textOf(fields, "vmId") };
    case "Rename":
    case "Duplicate":
      return { type, vmId: textOf(fields, "vmId"), name: textOf(fields, "name") };
    case "Resize": {
      const [cpus, memoryMib] = [numberOf(fields, "cpus"), numberOf(fields, "memoryMib")];
      return {
        type,
        vmId: textOf(fields, "vmId"),
        ...cpus === undefined ? {} : { cpus },
        ...memoryMib === undefined ? {} : { memoryMib },
      };
    }
    case "AddForeignVm":
      return { type, name: textOf(fields, "name"), poweredOn: fields["poweredOn"] === true };
    default:
      throw new BadRequest(
        `type ${String(type)} is none of PowerOn, PowerOff, Delete, Rename, Duplicate, Resize, AddForeignVm`,
      );
  }
}

function setFaults({ faults }: MockHypervisor, fields: Fields): void {
  if (fields["method"] !== undefined) return faults.add(parseRule(fields));
  for (const [name, value] of Object.entries(fields)) {
    switch (name) {
      case "latencyMs":
      case "jitterMs":
      case "slowdown":
      case "poolSizeGib":
        faults[name] = numberOf(fields, name) ?? 0;
        break;
      case "corruptDownloads":
      case "noAddresses":
      case "ignoreShutdown":
        faults[name] = value === true;
        break;
      default:
        throw new BadRequest(`unknown knob ${name}`);
    }
  }
}

function parseRule(fields: Fields): FaultRule {
  const at = (["before", "after", "task", "taskEnd"] as const).find((point): point is FaultPoint =>
    point === fields["at"]
  );
  if (at === undefined) throw new BadRequest("at is none of before, after, task, taskEnd");
  const method = (["all", ...methods] as const).find((name) => name === fields["method"]);
  if (method === undefined) throw new BadRequest(`method is none of all, ${methods.join(", ")}`);
  const [rate, times] = [numberOf(fields, "rate"), numberOf(fields, "times")];
  return {
    method,
    at,
    fault: parseFault(fields),
    ...rate === undefined ? {} : { rate },
    ...times === undefined ? {} : { times },
  };
}

function parseFault(fields: Fields): FaultKind {
  const type = fields["fault"];
  switch (type) {
    case "Hang":
    case "Crash":
    case "LoseTask":
      return { type };
    case "Error": {
      const errorClass = errorClasses.find((one) => one === fields["class"]);
      if (errorClass === undefined) throw new BadRequest(`class is none of ${errorClasses.join(", ")}`);
      return { type, class: errorClass };
    }
    default:
      throw new BadRequest("fault is none of Error, Hang, Crash, LoseTask");
  }
}

function textOf(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value !== "string" || value === "") throw new BadRequest(`${name} is missing`);
  return value;
}

function numberOf(fields: Fields, name: string): number | undefined {
  const value = fields[name];
  if (value === undefined) return undefined;
  if (typeof value !== "number" || !(value >= 0)) throw new BadRequest(`${name} is not a number from 0`);
  return value;
}
