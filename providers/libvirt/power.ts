/** Power: on, off, and what the guest is asked to do itself. @module */
import { type PowerRequest, ProviderError, type TaskResponse } from "@virtrigaud/contract";
import * as domains from "./client/domain.ts";
import { errorCode, LibvirtError } from "./client/errors.ts";
import type { DomainRef } from "./client/objects.ts";
import { refuseIfBase } from "./bases.ts";
import { type CallOptions, type LibvirtContext, requireDomain } from "./context.ts";
import { readDomain } from "./domain_xml/read.ts";
import { refuseIfHalfStarted } from "./half_started.ts";
import { finishRemovals } from "./reconfigure/removals.ts";

const { domainState } = domains;
const GRACEFUL_TIMEOUT_MS = 60_000;
/** A guest that was asked to shut down and did not is asked again this often. */
const ASK_AGAIN_MS = 5_000;
/** Events tell of a change at once; this bounds what a lost event costs. */
const LOOK_EVERY_MS = 2_000;

export async function power(
  context: LibvirtContext,
  request: PowerRequest,
  options: CallOptions,
): Promise<TaskResponse> {
  const { session } = context;
  const domain = await requireDomain(context, request.vmId, request.operation, options);
  const state = await domains.state(session, domain, options);
  if (state === domainState.paused) await refuseIfHalfStarted(context, domain, options);
  const isOff = state === domainState.off || state === domainState.crashed;
  const needsOn = () => {
    throw new ProviderError("Conflict", `${request.op} of domain "${domain.name}": it is off`, {
      reason: "PowerState",
    });
  };
  switch (request.op) {
    case "On":
      if (isOff) await startUnlessBase(context, domain, options);
      // A domain that is just being started looks paused.
      else if (state === domainState.paused) await unlessAlready(domains.resume(session, domain, options));
      return {};
    case "Off":
      if (!isOff) await unlessAlready(domains.destroy(session, domain, options));
      return {};
    case "ShutdownGraceful":
      return isOff ? {} : { task: graceful(context, domain, request, "shutdown") };
    case "Reboot":
      return isOff ? needsOn() : { task: graceful(context, domain, request, "reboot") };
    case "Reset":
      if (isOff) needsOn();
      await domains.reset(session, domain, options);
      return {};
    case "Suspend":
      if (isOff) needsOn();
      if (state !== domainState.paused) await domains.suspend(session, domain, options);
      return {};
  }
}

/** Under the lock that a linked clone takes while it is made. */
async function startUnlessBase(context: LibvirtContext, domain: DomainRef, options: CallOptions): Promise<void> {
  await context.locks.hold(domain.uuid, async () => {
    await refuseIfBase(context, domain.uuid, "started", options);
    await finishRemovals(context, domain, options);
    await unlessAlready(domains.start(context.session, domain, options));
  });
}

/** Somebody was faster and the domain is where it was to go. */
async function unlessAlready(change: Promise<void>): Promise<void> {
  try {
    await change;
  } catch (error) {
    if (!LibvirtError.hasCode(error, errorCode.operationInvalid)) throw error;
  }
}

function graceful(
  context: LibvirtContext,
  domain: DomainRef,
  request: PowerRequest,
  what: "shutdown" | "reboot",
) {
  const timeoutMs = request.gracefulTimeoutMs ?? GRACEFUL_TIMEOUT_MS;
  return context.tasks.start(`${what}/${domain.uuid}`, domain.uuid, async ({ signal }) => {
    const options = { signal };
    const observer = observe(context, domain);
    try {
      // A paused guest hears nothing.
      if (await domains.state(context.session, domain, options) === domainState.paused) {
        await unlessAlready(domains.resume(context.session, domain, options));
      }
      const deadline = context.clock.monotonic() + timeoutMs;
      for (let left = timeoutMs; left > 0; left = deadline - context.clock.monotonic()) {
        await askGuest(context, domain, what, options);
        // A guest that is still booting misses the request; asked twice, a shutdown is still one, a reboot is not.
        const patience = what === "shutdown" ? Math.min(left, ASK_AGAIN_MS) : left;
        const done = (rebooted: boolean, off: boolean) => off || (what === "reboot" && rebooted);
        if (await observer.until(done, patience, options)) return;
      }
      if (what === "shutdown") await unlessAlready(domains.destroy(context.session, domain, options));
      else await domains.reset(context.session, domain, options);
    } finally {
      observer.stop();
    }
  });
}

/** By the agent, which works whatever the guest makes of ACPI; by the power button where there is none. */
async function askGuest(
  context: LibvirtContext,
  domain: DomainRef,
  what: "shutdown" | "reboot",
  options: CallOptions,
): Promise<void> {
  const { agent } = readDomain(await domains.xml(context.session, domain, "current", options));
  try {
    if (agent === "Connected") return await domains[what](context.session, domain, "agent", options);
  } catch (error) {
    if (ProviderError.is(error, "Unavailable") || options.signal?.aborted) throw error;
    // An agent that does not answer: the button is still there.
  }
  await unlessAlready(domains[what](context.session, domain, "acpi", options));
}

/** Watches one domain for its stop or its reboot, by events and by looking. */
function observe(context: LibvirtContext, domain: DomainRef) {
  let rebooted = false;
  let wake = (): void => {};
  const stop = context.session.listen((event) => {
    if (event.type === "Domain" && event.event.domain.uuid !== domain.uuid) return;
    if (event.type === "Domain" && event.event.kind === "reboot") rebooted = true;
    wake();
  });
  const until = async (
    done: (rebooted: boolean, off: boolean) => boolean,
    timeoutMs: number,
    options: CallOptions,
  ): Promise<boolean> => {
    const deadline = context.clock.monotonic() + timeoutMs;
    for (;;) {
      const woken = Promise.withResolvers<void>();
      wake = woken.resolve;
      const state = await domains.state(context.session, domain, options);
      if (done(rebooted, state === domainState.off || state === domainState.crashed)) return true;
      const left = deadline - context.clock.monotonic();
      if (left <= 0) return false;
      const onAbort = () => woken.resolve();
      options.signal?.addEventListener("abort", onAbort, { once: true });
      const cancel = context.clock.setTimeout(woken.resolve, Math.min(left, LOOK_EVERY_MS));
      await woken.promise;
      cancel();
      options.signal?.removeEventListener("abort", onAbort);
      options.signal?.throwIfAborted();
    }
  };
  return { stop, until };
}
