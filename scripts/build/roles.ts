/** The programs that are shipped, and what each of them may do. @module */
import { PROVIDER_ENV } from "@virtrigaud/contract/server/mod.ts";
import { PROVIDER_FOLDERS } from "@virtrigaud/standalone";
import { MANAGER_ENV } from "../../src/cmd/manager/config.ts";
import { MOCK_ENV } from "../../providers/mock/config.ts";

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

/** `/var/run` is a link to `/run` in most images. */
const POD_ACCOUNT = ["/var/run", "/run"].map((folder) => `${folder}/secrets/kubernetes.io/serviceaccount`);

/**
 * What is mounted: in a pod, and for a process of the standalone below the folder that it is started in. Deno reads a
 * relative path from where the program starts, so that in an image it names nothing.
 */
const MOUNTED = ["/etc/virtrigaud", PROVIDER_FOLDERS.volumes] as const;
const { state: STATE } = PROVIDER_FOLDERS;
/** Where claims are mounted that disks are exchanged through. */
const CLAIMS = "/mnt/migration-storage";

/**
 * V8 lets garbage grow to several times what lives before it collects, and gives nothing back at rest. A manager that
 * has just made 700 VMs takes 168 MiB so instead of 289, for a sixth more CPU time.
 */
const SMALL_HEAP = ["--max-semi-space-size=4", "--heap-growing-percent=60"] as const;

/** Every role of this version. */
export const ROLES: readonly Role[] = [
  {
    name: "manager",
    entry: "src/cmd/manager/main.ts",
    permissions: {
      net: true,
      read: POD_ACCOUNT,
      env: MANAGER_ENV,
    },
    v8Flags: SMALL_HEAP,
    why: { net: "addresses of the API server and of providers are known at run time only; a NetworkPolicy narrows it" },
  },
  {
    name: "provider-mock",
    entry: "providers/mock/main.ts",
    permissions: {
      net: ["0.0.0.0", "127.0.0.1"],
      read: [...MOUNTED, STATE],
      write: [STATE],
      env: [...PROVIDER_ENV, ...MOCK_ENV],
    },
    why: {
      net: "to listen; it calls nobody",
      write: "where it remembers its machines, if `MOCK_STATE_FILE` names a file there",
    },
  },
  {
    name: "provider-libvirt",
    entry: "providers/libvirt/main.ts",
    permissions: {
      net: true,
      read: [...MOUNTED, "/var/run/libvirt", "/run/libvirt", CLAIMS],
      write: ["/var/run/libvirt", "/run/libvirt", CLAIMS],
      env: PROVIDER_ENV,
    },
    why: {
      net: "its hypervisor, servers of images and S3 stores are named at run time only; a NetworkPolicy narrows it",
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
    "--deny-import",
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
