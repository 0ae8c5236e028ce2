/** What the integration suites need from the machine, installed or built where it can be. @module */
import { isFile } from "../../tests/rigs/command.ts";
import {
  ensureGuestImage,
  ensureRelease,
  guestImagePath,
  HYPERVISOR_PACKAGES,
  IMAGE_PACKAGES,
  machineUnfit,
  RELEASE_PACKAGES,
  releasePath,
  releaseRig,
} from "../../tests/rigs/libvirt/mod.ts";
import { CHART_TOOLS, type ChartTool, findChartTool, makeChartTool } from "../../tests/rigs/helm/mod.ts";
import { buildTool, buildUnavailable, findTool, type Tool, tools } from "../../tests/rigs/kubernetes/mod.ts";
import { installPackages, installUnavailable, missingPackages } from "./packages.ts";

/** Takes one line of the report. */
export type Say = (line: string) => void;

/**
 * Brings the machine to where every suite can run, and says in a line for each thing what is there, what is made, and
 * what cannot be had. It never fails for what it cannot get: the suites that need it are skipped and say so.
 *
 * @param rig what is needed; default everything. Only libvirt's needs more than programs in a cache folder.
 */
export async function setUp(say: Say, rig?: string): Promise<void> {
  const unfit = machineUnfit();
  if (rig !== undefined && rig !== "libvirt") say("leave    what only the libvirt rig needs");
  else if (unfit) say(cannot("hypervisor hosts", unfit, "libvirt"));
  else if (await debianPackages(say)) {
    await guestImage(say);
    await secondRelease(say);
  }
  for (const tool of tools()) await kubernetesTool(tool, say);
  for (const tool of CHART_TOOLS) await chartTool(tool, say);
}

async function debianPackages(say: Say): Promise<boolean> {
  const names = missingPackages({ ...IMAGE_PACKAGES, ...HYPERVISOR_PACKAGES, ...RELEASE_PACKAGES });
  if (names.length === 0) {
    say("have     the Debian packages of the libvirt rig");
    return true;
  }
  const why = installUnavailable();
  if (why) {
    say(cannot(`Debian packages (${names.join(" ")})`, why, "libvirt"));
    return false;
  }
  say(`install  Debian packages: ${names.join(" ")}`);
  return await attempt(say, `Debian packages (${names.join(" ")})`, "libvirt", () => installPackages(names));
}

async function guestImage(say: Say): Promise<void> {
  const path = await guestImagePath();
  if (isFile(path)) return say(`have     the guest image of the libvirt rig: ${path}`);
  say(`build    the guest image of the libvirt rig: ${path}`);
  await attempt(say, "the guest image", "libvirt", () => ensureGuestImage());
}

async function secondRelease(say: Say): Promise<void> {
  const path = await releasePath("trixie");
  const what = "libvirt and QEMU of Debian trixie";
  if (await releaseRig("trixie").unavailable() === undefined) return say(`have     ${what}: ${path}`);
  say(`build    ${what}, once: about a minute: ${path}`);
  await attempt(say, what, "libvirt 11", () => ensureRelease("trixie"));
}

async function kubernetesTool(tool: Tool, say: Say): Promise<void> {
  const path = findTool(tool);
  if (path) return say(`have     ${tool.name}: ${path}`);
  const what = `${tool.name} ${tool.version}`;
  const suites = tool.name === "kubectl" ? "kubectl or kubernetes" : "kubernetes";
  const why = buildUnavailable();
  if (why) return say(cannot(what, `${why} (or point KUBEBUILDER_ASSETS at a folder that has it)`, suites));
  await attempt(say, what, suites, () => buildTool(tool, (line) => say(`build    ${line}`)));
}

async function chartTool(tool: ChartTool, say: Say): Promise<void> {
  const path = findChartTool(tool.name);
  if (path) return say(`have     ${tool.name}: ${path}`);
  const why = tool.unavailable();
  if (why) return say(cannot(tool.name, why, tool.name));
  say(`build    ${tool.name}, once: about ${tool.time}`);
  await attempt(say, tool.name, tool.name, () => makeChartTool(tool));
}

async function attempt(say: Say, what: string, suites: string, make: () => Promise<unknown>): Promise<boolean> {
  try {
    await make();
    return true;
  } catch (error) {
    say(cannot(what, lastLine(error), suites));
    return false;
  }
}

/** What a command said last is what was wrong; the report has one line for each thing. */
function lastLine(error: unknown): string {
  return String(error instanceof Error ? error.message : error).trim().split("\n").at(-1) ?? "";
}

function cannot(what: string, why: string, suites: string): string {
  return `cannot   get ${what}: ${why}; skipped for it: suites that need ${suites}`;
}
