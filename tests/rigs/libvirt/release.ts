/** Hosts of another Debian release: a second version of libvirt and QEMU beside this machine's own. @module */
import { missing, run } from "../command.ts";
import { rigFolders } from "../config.ts";
import type { Need } from "../skip.ts";
import { likeApt } from "./like_apt.ts";

/** A Debian release that hosts can be made of; libvirt 11.3 and QEMU 10.0. */
export type Release = "trixie";

/** Debian packages, beside those of the hypervisors, that making a release's file system takes. */
export const RELEASE_PACKAGES: Readonly<Record<string, readonly string[]>> = {
  "mmdebstrap": ["mmdebstrap"],
  "debian-archive-keyring": ["/usr/share/keyrings/debian-archive-trixie-stable.gpg"],
};

/** What a host runs. libvirt's drivers are packages of their own since Debian 13. */
const CONTENT = [
  ..."daemon daemon-log clients".split(" ").map((part) => `libvirt-${part}`),
  ..."interface network nodedev nwfilter qemu secret storage storage-logical".split(" ").map((part) =>
    `libvirt-daemon-driver-${part}`
  ),
  ..."qemu-system-x86 qemu-utils openssh-server openssl dnsmasq-base iptables iproute2".split(" "),
  ..."mount hostname procps socat e2fsprogs".split(" "),
];
const LEFT_OUT = ["doc", "man", "locale"].map((part) => `--dpkgopt=path-exclude=/usr/share/${part}/*`);
const BUILD_TIMEOUT_MS = 10 * 60_000;

/** Folder with the release's file system, whether it has been made or not. Hosts use it read-only. */
export async function releasePath(release: Release): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(CONTENT.join(" ")));
  return `${rigFolders().cache}/hosts/${release}-${new Uint8Array(digest).toHex().slice(0, 16)}`;
}

/** Gives the folder and makes it before if there is none: about a minute, 300 MB. */
export async function ensureRelease(release: Release): Promise<string> {
  const path = await releasePath(release);
  if (await isFolder(path)) return path;
  await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  // One makes it, and whoever comes meanwhile waits; what a run that died has left is in the way of nobody.
  const lock = await Deno.open(`${path}.lock`, { create: true, write: true });
  try {
    await lock.lock(true);
    if (!(await isFolder(path))) await make(release, path);
  } finally {
    lock.close();
  }
  return path;
}

async function make(release: Release, path: string): Promise<void> {
  const unfinished = `${path}.making`;
  await Deno.remove(unfinished, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  const options = [`--include=${CONTENT.join()}`, '--aptopt=Apt::Install-Recommends "false"', ...LEFT_OUT];
  await run(["mmdebstrap", "--quiet", "--variant=minbase", ...options, release, unfinished, ...await likeApt()], {
    signal: AbortSignal.timeout(BUILD_TIMEOUT_MS),
  });
  await Deno.rename(unfinished, path);
}

/** Hosts of `release` as a need of a test suite, beside the rig's own. */
export const releaseRig = (release: Release): Need => ({
  async unavailable(): Promise<string | undefined> {
    if (await isFolder(await releasePath(release))) return undefined;
    const gaps = missing(Object.values(RELEASE_PACKAGES).flat());
    const how = gaps.length > 0 ? `; this machine has no ${gaps.join(", ")}` : "";
    return `Debian ${release}'s libvirt is not in the cache (deno task setup makes it)${how}`;
  },
});

async function isFolder(path: string): Promise<boolean> {
  return await Deno.stat(path).then((info) => info.isDirectory, () => false);
}
