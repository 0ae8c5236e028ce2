/** Calls about the connection and the host. @module */
import { ProviderError } from "@virtrigaud/contract";
import type { Rpc } from "./connection.ts";
import { procedure } from "./procedures.ts";
import { type SaslCredentials, saslExchange } from "./sasl.ts";
import type { XdrReader, XdrWriter } from "./xdr.ts";

interface Options {
  readonly signal?: AbortSignal;
}

const authentication = { none: 0, sasl: 1, polkit: 2 } as const;
/** A login takes two rounds; a server must not keep it going for ever. */
const SASL_ROUNDS_MAX = 8;
/** `REMOTE_AUTH_SASL_DATA_MAX`. */
const SASL_DATA_MAX = 65_536;
/** `VIR_DRV_FEATURE_PROGRAM_KEEPALIVE`: asking for it tells the server that we answer its pings. */
const FEATURE_KEEPALIVE = 10;

/** How {@linkcode open} logs in where libvirt itself asks for it. */
export interface OpenOptions extends Options {
  readonly credentials?: SaslCredentials;
  /** Whether what is sent can be read on the way: then no password is. Default false. */
  readonly exposed?: boolean;
}

/**
 * Authenticates and opens the driver named by `uri`.
 * @returns whether the server knows keepalive.
 * @throws {ProviderError} `Unauthorized` when libvirt wants an authentication that we do not have.
 */
export async function open(rpc: Rpc, uri: string, options: OpenOptions = {}): Promise<boolean> {
  const offered = await rpc.call({
    procedure: procedure.authList,
    doing: "ask libvirt how to authenticate",
    reply: (r) => r.list((item) => item.i32(), 20),
  }, options);
  if (!offered.includes(authentication.none)) await authenticate(rpc, offered, options);
  await rpc.call({
    procedure: procedure.connectOpen,
    doing: `open ${uri}`,
    args: (w) => w.optional(uri, (x, value) => x.string(value)).u32(0),
  }, options);
  return await rpc.call({
    procedure: procedure.connectSupportsFeature,
    doing: "ask libvirt for keepalive",
    args: (w) => w.i32(FEATURE_KEEPALIVE),
    reply: (r) => r.i32() !== 0,
  }, options);
}

async function authenticate(rpc: Rpc, offered: readonly number[], options: OpenOptions): Promise<void> {
  if (offered.includes(authentication.polkit)) {
    return await rpc.call({ procedure: procedure.authPolkit, doing: "authenticate to libvirt by polkit" }, options);
  }
  if (offered.includes(authentication.sasl)) return await logIn(rpc, options);
  throw new ProviderError(
    "Unauthorized",
    `libvirt asks for an authentication that is not known here (${
      offered.join(", ")
    }); set auth_unix_rw, auth_tls or ` +
      'auth_tcp to "none", "sasl" or "polkit" in libvirtd.conf',
  );
}

async function logIn(rpc: Rpc, options: OpenOptions): Promise<void> {
  const doing = "log in to libvirt by SASL";
  const mechanisms = (await rpc.call({
    procedure: procedure.authSaslInit,
    doing,
    reply: (r) => r.string(),
  }, options)).split(",");
  const usable = mechanisms.filter((mechanism) => !options.exposed || mechanism !== "PLAIN");
  const exchange = saslExchange(usable, options.credentials ?? {});
  const writeData = (w: XdrWriter, data: Uint8Array) => w.i32(0).list([...data], (x, byte) => x.i32(byte));
  const readData = (r: XdrReader) => {
    const [isComplete, isAbsent] = [r.i32() !== 0, r.i32() !== 0];
    // A `char` takes four bytes, and its sign is the sender's compiler's.
    const data = Uint8Array.from(r.list((item) => item.i32() & 0xff, SASL_DATA_MAX));
    return { isComplete, data: isAbsent ? new Uint8Array(0) : data };
  };
  let said = await rpc.call({
    procedure: procedure.authSaslStart,
    doing,
    args: (w) => writeData(w.string(exchange.mechanism), exchange.first),
    reply: readData,
  }, options);
  for (let round = 0; round < SASL_ROUNDS_MAX; round++) {
    // What the server says last may be its proof.
    const answer = exchange.answer(said.data);
    if (said.isComplete) {
      if (exchange.trusted()) return;
      break;
    }
    said = await rpc.call({
      procedure: procedure.authSaslStep,
      doing,
      args: (w) => writeData(w, answer),
      reply: readData,
    }, options);
  }
  throw new ProviderError(
    "Unauthorized",
    `${doing}: the server did not go through with it as ${exchange.mechanism} asks for`,
  );
}

/** Host name as libvirt knows it. */
export const hostname = (rpc: Rpc, options?: Options): Promise<string> =>
  rpc.call(
    { procedure: procedure.connectGetHostname, doing: "ask for the host name", reply: (r) => r.string() },
    options,
  );

const versionText = (version: bigint): string =>
  `${version / 1_000_000n}.${(version / 1_000n) % 1_000n}.${version % 1_000n}`;

/** Version of libvirt on the host, `9.0.0`. */
export const libvirtVersion = (rpc: Rpc, options?: Options): Promise<string> =>
  rpc.call({
    procedure: procedure.connectGetLibVersion,
    doing: "ask for libvirt's version",
    reply: (r) => versionText(r.u64()),
  }, options);

/** Version of the hypervisor behind libvirt (QEMU). */
export const hypervisorVersion = (rpc: Rpc, options?: Options): Promise<string> =>
  rpc.call({
    procedure: procedure.connectGetVersion,
    doing: "ask for the hypervisor's version",
    reply: (r) => versionText(r.u64()),
  }, options);

/** Capabilities of host and hypervisor, as XML. */
export const capabilities = (rpc: Rpc, options?: Options): Promise<string> =>
  rpc.call({
    procedure: procedure.connectGetCapabilities,
    doing: "ask for the host's capabilities",
    reply: (r) => r.string(),
  }, options);

const MODEL_CHARACTERS = 32;

/** Frequency of the host's CPUs, MHz; 0 where the host does not tell. */
export const cpuMhz = (rpc: Rpc, options?: Options): Promise<number> =>
  rpc.call({
    procedure: procedure.nodeGetInfo,
    doing: "ask for the host's CPUs",
    reply: (r) => {
      // The model's name, each character as a number of its own; memory; number of CPUs.
      for (let index = 0; index < MODEL_CHARACTERS; index++) r.i32();
      r.u64();
      r.i32();
      const mhz = r.i32();
      for (const _ of ["nodes", "sockets", "cores", "threads"]) r.i32();
      return mhz;
    },
  }, options);

/** What one kind of machine can be given on this host, as XML. */
export const domainCapabilities = (
  rpc: Rpc,
  machine: {
    readonly emulator: string;
    readonly arch: string;
    readonly machine: string;
    readonly domainType: string;
  },
  options?: Options,
): Promise<string> =>
  rpc.call({
    procedure: procedure.connectGetDomainCapabilities,
    doing: `ask what a ${machine.machine} machine can have`,
    args: (w) => {
      for (const text of [machine.emulator, machine.arch, machine.machine, machine.domainType]) {
        w.optional(text, (x, value) => x.string(value));
      }
      w.u32(0);
    },
    reply: (r) => r.string(),
  }, options);
