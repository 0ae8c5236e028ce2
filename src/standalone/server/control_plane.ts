/** Starting and stopping the embedded API server. @module */
import { join } from "node:path";
import type { LeafOptions } from "@virtrigaud/pki";
import { kubeconfig } from "../kubeconfig.ts";
import type { JsonObject } from "../storage/mod.ts";
import { StorageError, Store } from "../storage/mod.ts";
import { admission, type AdmissionOptions } from "./admission.ts";
import { allowAll, Authenticator, type Authorizer, type Token } from "./auth.ts";
import { type Clock, systemClock } from "@virtrigaud/resilience";
import { timestamp } from "./timestamp.ts";
import { Collector } from "./collector.ts";
import { coreResources } from "./core_resources.ts";
import { type CustomKind, customResource, definitionOf } from "./custom_resources.ts";
import type { Faults } from "./faults.ts";
import { handle } from "./handler.ts";
import { createIdentity, loadIdentity } from "./identity.ts";
import { clone, ensureChild, equal, objectOf, text } from "./json.ts";
import { metaOf } from "./meta.ts";
import { OpenApi } from "./openapi.ts";
import type { ResourceRequest } from "./request.ts";
import { Registry, type Resource } from "./resource.ts";
import { reviewResources } from "./reviews.ts";
import { type TablePrinter, tablePrinter } from "./table.ts";
import { Watches } from "./watch.ts";

/** Options of {@linkcode startControlPlane}. */
export interface ControlPlaneOptions {
  /** Folder of the database, the CA and the tokens; made when absent. `:memory:` keeps everything in memory. */
  readonly dataDir: string;
  /** Custom kinds to serve. */
  readonly kinds: readonly CustomKind[];
  /** Port on 127.0.0.1. Default 0: any free one. */
  readonly port?: number;
  /** Users. Default: `admin` and `manager` with random tokens, kept in `dataDir`. */
  readonly tokens?: readonly Token[];
  /** Admission policies. Default: none. */
  readonly admission?: AdmissionOptions;
  /** Who may do what. Default: every user everything. */
  readonly authorize?: Authorizer;
  /** Misbehaviour for tests. Default none. */
  readonly faults?: Faults;
  /** Default: the machine's clock. */
  readonly clock?: Clock;
  /** Changes kept for watches that resume. Default 10,000, and never more than 64 Mi characters of JSON. */
  readonly history?: number;
  /** Bytes that a watcher may lag behind before its watch is ended. Default 16 MiB. */
  readonly maxLagBytes?: number;
  /** Largest database in bytes. Default: no limit but the disk. */
  readonly maxBytes?: number;
}

/** A running API server. */
export interface ControlPlane extends AsyncDisposable {
  /** `https://127.0.0.1:<port>`. */
  readonly url: string;
  readonly address: Deno.NetAddr;
  /** Certificate of the CA that clients must trust. */
  readonly caPem: string;
  readonly tokens: readonly Token[];
  /** The newest durable revision. */
  readonly revision: number;
  /** Number of open watches. */
  readonly watches: number;
  /** Text of a kubeconfig for one of the users. Throws when there is no such user. */
  kubeconfig(user: string): string;
  /** Ends open watches that match, as a network would. Returns how many. */
  cutWatches(chosen?: (request: ResourceRequest) => boolean, how?: "clean" | "abrupt"): number;
  /** Sends a bookmark on every watch that takes them. */
  bookmarkWatches(): void;
  /** Ends watches, finishes requests, makes everything durable and releases the database. */
  close(): Promise<void>;
}

const SERVER_CERTIFICATE: LeafOptions = {
  commonName: "virtrigaud-standalone",
  usages: ["server"],
  dnsNames: ["localhost"],
  ipAddresses: ["127.0.0.1", "::1"],
  validityDays: 365,
};
/** Clients that will not hang up are cut this long after a close. */
const CLOSE_GRACE_MS = 2_000;

/** An empty database beside an identity, which is made after it, would be served as if nobody had created anything. */
async function refuseLostDatabase(dataDir: string): Promise<void> {
  const sizeOf = (name: string) => Deno.stat(join(dataDir, name)).then(({ size }) => size, () => 0);
  if (await sizeOf("identity.json") === 0 || await sizeOf("state.db") > 0) return;
  const path = join(dataDir, "state.db");
  throw new StorageError(
    "Corrupt",
    `opening ${path}: it is missing or empty although this folder has been in use; restore a backup of the folder, or ` +
      "remove identity.json as well to begin anew without any objects",
  );
}

/**
 * Starts a Kubernetes-compatible API server on 127.0.0.1 (TLS, HTTP/1.1 and HTTP/2, bearer tokens).
 *
 * @throws {StorageError} when the database is locked by another process, damaged, read-only or cannot be opened.
 */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { dataDir, clock = systemClock, authorize = allowAll, faults } = options;
  const inMemory = dataDir === ":memory:";
  if (!inMemory) await Deno.mkdir(dataDir, { recursive: true, mode: 0o700 });
  if (!inMemory) await refuseLostDatabase(dataDir);
  await using started = new AsyncDisposableStack();
  const store = started.adopt(Store.open(inMemory ? dataDir : join(dataDir, "state.db"), options), (s) => s.close());
  // Certificates follow the machine's clock whatever `clock` says, because the peers that check them do.
  const identity = inMemory ? await createIdentity() : await loadIdentity(dataDir);
  const tokens = options.tokens ?? identity.tokens;
  const authenticator = new Authenticator(tokens);
  const server = await identity.authority.issue(SERVER_CERTIFICATE);
  const registry = new Registry([...coreResources(), ...reviewResources(), ...options.kinds.map(customResource)]);
  await seed(store, registry, options.kinds, clock);
  const printer = printers();
  const watches = started.adopt(new Watches({ store, clock, printer }, options), (w) => w.close());
  started.adopt(new Collector({ store, clock }, registry), (c) => c.close());
  const openapi = new OpenApi(registry);
  const context = {
    store,
    clock,
    printer,
    registry,
    watches,
    openapi,
    authenticator,
    authorize,
    faults,
    version: VERSION,
    admit: options.admission === undefined ? undefined : admission(options.admission),
  };
  const abort = new AbortController();
  const http = Deno.serve({
    hostname: "127.0.0.1",
    port: options.port ?? 0,
    cert: server.certPem,
    key: server.keyPem.reveal(),
    signal: abort.signal,
    onListen: () => {},
  }, (request) => handle(context, request));
  started.defer(async () => {
    watches.close();
    faults?.clear();
    const cancel = clock.setTimeout(() => abort.abort(), CLOSE_GRACE_MS);
    await http.shutdown();
    cancel();
  });
  const running = started.move();
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => closing ??= running.disposeAsync();
  const url = `https://127.0.0.1:${http.addr.port}`;
  const caPem = identity.authority.certPem;
  return {
    url,
    address: http.addr,
    caPem,
    tokens,
    get revision() {
      return store.revision;
    },
    get watches() {
      return watches.size;
    },
    kubeconfig(user) {
      const token = tokens.find(({ name }) => name === user);
      if (token === undefined) {
        throw new Error(`no user ${user} in this control plane; it has ${tokens.map(({ name }) => name).join(", ")}`);
      }
      return kubeconfig({ server: url, caPem, user, token: token.token });
    },
    cutWatches: (chosen, how) => watches.cut(chosen, how),
    bookmarkWatches: () => watches.bookmarkAll(),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** The API level that this server follows; clients warn when it is far from their own. */
const VERSION: JsonObject = {
  major: "1",
  minor: "36",
  gitVersion: "v1.36.0+virtrigaud",
  gitCommit: "",
  gitTreeState: "clean",
  buildDate: "1970-01-01T00:00:00Z",
  goVersion: "",
  compiler: "deno",
  platform: `${Deno.build.os}/${Deno.build.arch === "x86_64" ? "amd64" : "arm64"}`,
};

function printers(): (resource: Resource) => TablePrinter {
  const made = new Map<Resource, TablePrinter>();
  return (resource) => {
    let printer = made.get(resource);
    if (printer === undefined) made.set(resource, printer = tablePrinter(resource));
    return printer;
  };
}

/** Namespaces that are always there, and the definitions of the served kinds. */
async function seed(store: Store, registry: Registry, kinds: readonly CustomKind[], clock: Clock): Promise<void> {
  const wanted: JsonObject[] = [
    ...["default", "kube-system"].map((name): JsonObject => ({
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name },
    })),
    ...kinds.map(definitionOf),
  ];
  for (const object of wanted) {
    const [plural, group] = object.kind === "Namespace"
      ? ["namespaces", "v1"]
      : ["customresourcedefinitions", "apiextensions.k8s.io/v1"];
    const resource = registry.find(group, plural);
    if (resource === undefined) continue;
    const name = text(metaOf(object), "name");
    const found = store.get(resource.storage, "", name);
    if (
      found !== undefined && (object.spec === undefined || equal(objectOf(found.object.spec), objectOf(object.spec)))
    ) continue;
    const next = found === undefined
      ? object
      : { ...clone(found.object), spec: object.spec ?? {}, status: object.status ?? {} };
    const meta = ensureChild(next, "metadata");
    meta.uid ??= crypto.randomUUID();
    meta.creationTimestamp ??= timestamp(clock.now());
    if (object.spec !== undefined) meta.generation = Number(meta.generation ?? 0) + 1;
    resource.prepare?.(next, found?.object);
    store.put(resource.storage, "", name, next);
  }
  await store.settled();
}
