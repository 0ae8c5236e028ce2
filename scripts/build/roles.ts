/** The programs that are shipped, and what each of them may do. @module */
import { type EnvSpec, logEnv } from "@virtrigaud/telemetry";
import { MANAGER_ENV } from "../../src/cmd/manager/config.ts";

/** What a program may do, in Deno's terms. `true` is everything of that sort; what is not named is refused. */
export interface Permissions {
  readonly net?: true | readonly string[];
  readonly read?: true | readonly string[];
  readonly write?: true | readonly string[];
  readonly run?: true;
  readonly sys?: true | readonly string[];
  /** Variables; all others read as if they were not set. */
  readonly env: true | readonly string[];
}

/** A program. */
export interface Role {
  /** Name of binary, bundle, image target and image. */
  readonly name: string;
  readonly entry: string;
  readonly permissions: Permissions;
  /** Flags of the engine. Default none. */
  readonly v8Flags?: readonly string[];
  /** Why it needs what looks wide, for docs. */
  readonly why: Readonly<Partial<Record<keyof Permissions, string>>>;
}

const names = (...specs: readonly EnvSpec[]): string[] =>
  specs.flatMap((spec) => Object.values(spec).map(({ name }) => name));

const OTEL = "OTEL_*";
/** `/var/run` is a link to `/run` in most images. */
const POD_ACCOUNT = ["/var/run", "/run"].map((folder) => `${folder}/secrets/kubernetes.io/serviceaccount`);

const PROVIDER_ENV = [
  ...names(logEnv),
  "PROVIDER_*",
  "TLS_ENABLED",
  "TLS_INSECURE_SKIP_VERIFY",
  "VIRTRIGAUD_*",
  OTEL,
];
const PROVIDER_FILES = "/etc/virtrigaud";
/** Where claims are mounted that disks are exchanged through. */
const CLAIMS = "/mnt/migration-storage";

/**
 * V8 lets garbage grow to several times what lives before it collects, and gives nothing back at rest. A manager that
 * holds 2,000 VMs takes 152 MiB so instead of 218 to 327, for a third more CPU time while they are made.
 */
const SMALL_HEAP = ["--max-semi-space-size=4", "--heap-growing-percent=20"] as const;

/** Every role of this version. */
export const ROLES: readonly Role[] = [
  {
    name: "manager",
    entry: "src/cmd/manager/main.ts",
    permissions: {
      net: true,
      read: POD_ACCOUNT,
      env: [...MANAGER_ENV, OTEL],
    },
    v8Flags: SMALL_HEAP,
    why: { net: "addresses of the API server and of providers are known at run time only; a NetworkPolicy narrows it" },
  },
  {
    name: "provider-mock",
    entry: "providers/mock/main.ts",
    permissions: {
      net: ["0.0.0.0", "127.0.0.1"],
      read: [PROVIDER_FILES],
      env: [...PROVIDER_ENV, "MOCK_*"],
    },
    why: { net: "to listen; it calls nobody" },
  },
  {
    name: "provider-libvirt",
    entry: "providers/libvirt/main.ts",
    permissions: {
      net: true,
      read: [PROVIDER_FILES, "/var/run/libvirt", "/run/libvirt", CLAIMS],
      write: ["/var/run/libvirt", "/run/libvirt", CLAIMS],
      env: PROVIDER_ENV,
    },
    why: {
      net: "the address of its hypervisor is known at run time only; a NetworkPolicy narrows it",
      write: "a local unix socket is opened for reading and writing; exported disks go into mounted claims",
    },
  },
  {
    name: "virtrigaud",
    entry: "src/cmd/standalone/main.ts",
    permissions: { net: true, read: true, write: true, run: true, sys: true, env: true },
    why: { run: "it starts the provider processes of this machine" },
  },
];

/** The flags of `deno run` or `deno compile` for these permissions. */
export function permissionFlags({ net, read, write, run, sys, env }: Permissions): string[] {
  const flag = (name: string, value: true | readonly string[] | undefined): string[] =>
    value === undefined ? [] : value === true ? [`--allow-${name}`] : [`--allow-${name}=${value.join(",")}`];
  return [
    "--no-prompt",
    ...flag("net", net),
    ...flag("read", read),
    ...flag("write", write),
    ...flag("run", run),
    ...flag("sys", sys),
    ...flag("env", env),
    ...env === true ? [] : ["--ignore-env"],
  ];
}

/** The flag of `deno run` or `deno compile` for the engine. */
export function engineFlags({ v8Flags = [] }: Pick<Role, "v8Flags">): string[] {
  return v8Flags.length === 0 ? [] : [`--v8-flags=${v8Flags.join(",")}`];
}
