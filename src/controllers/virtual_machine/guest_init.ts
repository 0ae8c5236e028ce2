/** First-boot configuration: inline text and Secrets put together as the guest takes them. @module */
import type { VirtualMachine } from "@virtrigaud/api";
import type { GuestInit } from "@virtrigaud/contract";
import { Secret } from "@virtrigaud/telemetry";
import type { SecretReading, SecretSource, SecretValues } from "../shared/secrets.ts";
import { multipart } from "./mime.ts";
import type { Problem } from "./input.ts";

/** Keys under which a Secret may hold each kind of data, in the order in which they are looked for. */
const KEYS = {
  user: ["userdata", "user-data", "cloud-init", "cloud-config"],
  meta: ["metadata", "meta-data", "meta_data"],
  ignition: ["ignition", "config", "userdata", "user-data"],
} as const;

/** Most that data sources take, in bytes; more is refused rather than cut. */
const MAX_BYTES = 1 << 20;

/** Why there is no configuration: what is missing and may come, and what is wrong and has to be changed. */
export interface Unusable {
  readonly type: "Unusable";
  readonly missing: readonly Problem[];
  readonly problems: readonly Problem[];
}

/** First-boot configuration as it was read, and the versions of the Secrets that it was read from, by name. */
export interface GuestInitReading {
  readonly content: GuestInit | Unusable | undefined;
  readonly versions: ReadonlyMap<string, string>;
}

/** Reads the Secrets that the VM names and puts its first-boot configuration together. */
export async function readGuestInit(
  vm: VirtualMachine,
  secrets: Pick<SecretSource, "readVersion">,
  signal: AbortSignal,
): Promise<GuestInitReading> {
  const { namespace } = vm.metadata;
  const read = await Promise.all(
    guestInitSecrets(vm).map(async (name): Promise<[string, SecretReading | undefined]> => {
      return [name, await secrets.readVersion({ name, ...(namespace === undefined ? {} : { namespace }) }, signal)];
    }),
  );
  return {
    content: guestInitOf(vm, new Map(read.map(([name, reading]) => [name, reading?.values]))),
    versions: new Map(read.flatMap(([name, reading]) => reading === undefined ? [] : [[name, reading.version]])),
  };
}

/** Names of the Secrets that the VM's first-boot configuration is read from. */
export function guestInitSecrets(vm: VirtualMachine): string[] {
  const { userData, metaData } = vm.spec;
  const names = [userData?.cloudInit, userData?.ignition, metaData?.cloudInit].map((part) => part?.secretRef?.name);
  return [...new Set(names.filter((name): name is string => name !== undefined))];
}

/**
 * Puts the configuration together out of the VM and the Secrets that were found, or says what is in the way.
 */
export function guestInitOf(
  vm: VirtualMachine,
  secrets: ReadonlyMap<string, SecretValues | undefined>,
): GuestInit | Unusable | undefined {
  const missing: Problem[] = [];
  const problems: Problem[] = [];
  const { userData, metaData } = vm.spec;

  const read = (
    part: { readonly inline?: string; readonly secretRef?: { readonly name: string } } | undefined,
    keys: readonly string[],
    field: string,
  ): Secret<string>[] => {
    const found: Secret<string>[] = [];
    if (part?.inline !== undefined && part.inline !== "") found.push(new Secret(part.inline));
    if (part?.secretRef !== undefined) {
      const { name } = part.secretRef;
      const values = secrets.get(name);
      const value = values === undefined ? undefined : pick(values, keys);
      if (values === undefined) {
        missing.push({ field: `${field}.secretRef`, message: `Secret "${name}" does not exist` });
      } else if (value === undefined) {
        missing.push({
          field: `${field}.secretRef`,
          message: `Secret "${name}" has none of the keys ${keys.join(", ")}`,
        });
      } else found.push(value);
    }
    const size = found.reduce((sum, text) => sum + text.reveal().length, 0);
    if (size > MAX_BYTES) {
      problems.push({ field, message: `is ${size} characters long, at most ${MAX_BYTES} are allowed` });
    }
    return found;
  };

  const user = read(userData?.cloudInit, KEYS.user, "spec.userData.cloudInit");
  const meta = read(metaData?.cloudInit, KEYS.meta, "spec.metaData.cloudInit");
  const ignition = read(userData?.ignition, KEYS.ignition, "spec.userData.ignition");
  if (ignition.length > 1) {
    problems.push({
      field: "spec.userData.ignition",
      message: "has both inline and secretRef: Ignition takes one configuration, remove the other",
    });
  }
  if (user.length > 0 && ignition.length > 0) {
    problems.push({
      field: "spec.userData",
      message: "has both cloudInit and ignition: a guest takes one of them, remove the other",
    });
  }
  if (missing.length + problems.length > 0) return { type: "Unusable", missing, problems };
  if (ignition[0] !== undefined) return { type: "Ignition", config: ignition[0] };
  if (user.length + meta.length === 0) return undefined;
  return {
    type: "CloudInit",
    ...(user.length === 0 ? {} : { userData: multipart(user) }),
    ...(meta.length === 0 ? {} : { metaData: new Secret(meta.map((part) => part.reveal()).join("\n")) }),
  };
}

function pick(values: SecretValues, keys: readonly string[]): Secret<string> | undefined {
  for (const key of keys) {
    const value = values.get(key);
    if (value !== undefined) return value;
  }
  return values.size === 1 ? values.values().next().value : undefined;
}
