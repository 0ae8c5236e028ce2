/** Which program stands for a provider image on this machine. @module */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Program } from "@virtrigaud/standalone";

/** Roles that this distribution has a provider for. */
const ROLES = ["mock", "libvirt", "vsphere", "proxmox"] as const;

/** Where programs are looked for. */
export interface ProgramSources {
  /** Folder with the compiled binaries `provider-<role>`; that of the running binary. */
  readonly binaries?: string;
  /** Root of the sources, when running from them. */
  readonly sources?: string;
  /** The Deno that runs sources. */
  readonly deno: string;
  readonly exists: (path: string) => boolean;
}

/**
 * The program for an image: the last part of its name, as in `ghcr.io/projectbeskar/virtrigaud/provider-mock:v1`, says
 * the role. A binary beside the running one wins over sources.
 */
export function programFor(image: string, { binaries, sources, deno, exists }: ProgramSources): Program | undefined {
  const name = image.replace(/@.*$/, "").replace(/:[^/:]*$/, "").split("/").at(-1) ?? "";
  const role = ROLES.find((candidate) => name === `provider-${candidate}`);
  if (role === undefined) return undefined;
  const binary = binaries === undefined ? undefined : join(binaries, `provider-${role}`);
  if (binary !== undefined && exists(binary)) return { command: binary, args: [] };
  const main = sources === undefined ? undefined : join(sources, "providers", role, "main.ts");
  if (main === undefined || sources === undefined || !exists(main)) return undefined;
  return { command: deno, args: ["run", "-A", "--no-check", "--quiet", "--config", join(sources, "deno.json"), main] };
}

/** The sources of this process: from files, or compiled, or bundled into one executable file per role. */
export function programSources(): ProgramSources {
  const compiled = Deno.build.standalone;
  const bundled = !import.meta.url.endsWith(".ts");
  return {
    ...(compiled
      ? { binaries: join(Deno.execPath(), "..") }
      : bundled
      ? { binaries: fileURLToPath(new URL(".", import.meta.url)) }
      : { sources: fileURLToPath(new URL("../../..", import.meta.url)) }),
    deno: Deno.execPath(),
    exists: (path) => {
      try {
        return Deno.statSync(path).isFile;
      } catch {
        return false;
      }
    },
  };
}
