/** Commands in the guest, by its agent. @module */
import { Buffer } from "node:buffer";
import { type GuestExecRequest, type GuestExecResponse, ProviderError } from "@virtrigaud/contract";
import * as agent from "./client/agent.ts";
import * as domains from "./client/domain.ts";
import type { DomainRef } from "./client/objects.ts";
import { type CallOptions, type LibvirtContext, requireDomain } from "./context.ts";

const TIMEOUT_MS = 30_000;
const OUTPUT_MAX = 64 * 1024;
const ARGUMENTS_MAX = 256;
/** What all arguments together may have, characters. */
const COMMAND_MAX = 64 * 1024;
/** The first looks come soon, as most commands take no time. */
const LOOK_MS = [20, 50, 100, 200, 500];

/**
 * Runs one command and waits for its end. The agent has no way to end a command: one that outlives its time goes on.
 * @throws {ProviderError} `Conflict` with reason `PowerState` when the VM is off; `Timeout`.
 */
export async function guestExec(
  context: LibvirtContext,
  request: GuestExecRequest,
  options: CallOptions,
): Promise<GuestExecResponse> {
  checkCommand(request.command);
  const domain = await requireDomain(context, request.vmId, request.operation, options);
  const state = await domains.state(context.session, domain, options);
  if (state !== domains.domainState.running && state !== domains.domainState.blocked) {
    throw new ProviderError("Conflict", `a command in domain "${domain.name}": it does not run`, {
      reason: "PowerState",
    });
  }
  const [path, ...arg] = request.command;
  const started = await ask(context, domain, "guest-exec", { path, arg, "capture-output": true }, options);
  const pid = started["pid"];
  if (typeof pid !== "number") throw unreadable(domain);
  const timeoutMs = request.timeoutMs ?? TIMEOUT_MS;
  const deadline = context.clock.monotonic() + timeoutMs;
  for (let look = 0;; look++) {
    const status = await ask(context, domain, "guest-exec-status", { pid }, options);
    if (status["exited"] === true) return readResult(status);
    const left = deadline - context.clock.monotonic();
    if (left <= 0) {
      throw new ProviderError("Timeout", `the command in domain "${domain.name}" did not end within ${timeoutMs} ms`);
    }
    await context.clock.sleep(Math.min(left, LOOK_MS[Math.min(look, LOOK_MS.length - 1)] ?? left), options);
  }
}

function checkCommand(command: readonly string[]): void {
  const refuse = (why: string): never => {
    throw new ProviderError("InvalidSpec", `the guest command ${why}`, { field: "command" });
  };
  if (command.length === 0 || command[0] === "") refuse("is empty");
  if (command.length > ARGUMENTS_MAX) refuse(`has ${command.length} arguments, at most ${ARGUMENTS_MAX} are allowed`);
  const length = command.reduce((sum, part) => sum + part.length, 0);
  if (length > COMMAND_MAX) refuse(`has ${length} characters, at most ${COMMAND_MAX} are allowed`);
  if (command.some((part) => part.includes("\0"))) refuse("has a zero character");
}

type Answer = Readonly<Record<string, unknown>>;

async function ask(
  context: LibvirtContext,
  domain: DomainRef,
  execute: string,
  args: Answer,
  options: CallOptions,
): Promise<Answer> {
  const text = await agent.command(context.session, domain, JSON.stringify({ execute, arguments: args }), options);
  return readAnswer(text) ?? Promise.reject(unreadable(domain));
}

/** What the agent returned; `undefined` when that is no object. What a guest says is not to be trusted. */
export function readAnswer(text: string): Answer | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    const value = isObject(parsed) ? parsed["return"] : undefined;
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

const isObject = (value: unknown): value is Answer =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const unreadable = (domain: DomainRef): ProviderError =>
  new ProviderError("Retryable", `the guest agent of domain "${domain.name}" gave an answer that cannot be read`, {
    reason: "AgentUnresponsive",
  });

/** Killed by signal n is n more than 128, as shells have it. */
export function readResult(status: Answer): GuestExecResponse {
  const { exitcode, signal } = status;
  return {
    exitCode: typeof exitcode === "number" ? exitcode : typeof signal === "number" ? 128 + signal : -1,
    stdout: output(status["out-data"]),
    stderr: output(status["err-data"]),
  };
}

function output(data: unknown): string {
  // Four characters carry three bytes; no more is decoded than is returned.
  return typeof data === "string"
    ? new TextDecoder().decode(Buffer.from(data.slice(0, OUTPUT_MAX * 2), "base64").subarray(0, OUTPUT_MAX))
    : "";
}
