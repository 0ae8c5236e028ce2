/** The loop of one reconcile of a Provider: observe, decide, act, write. @module */
import { FIELD_MANAGER, type Provider, PROVIDER_FINALIZER } from "@virtrigaud/api";
import {
  DEPLOYMENTS,
  type KubeClient,
  type KubeObject,
  type ResourceType,
  SECRETS,
  SERVICE_ACCOUNTS,
  SERVICES,
  type UntypedObject,
} from "@virtrigaud/kube";
import type { Clock } from "@virtrigaud/resilience";
import {
  addFinalizer,
  done,
  type InformerView,
  type ReconcileContext,
  removeFinalizer,
  requeueAfter,
  type Result,
  StatusWriter,
} from "@virtrigaud/runtime";
import type { Turn } from "@virtrigaud/contract";
import type { Secret } from "@virtrigaud/telemetry";
import { ProviderConnection } from "../connection/connection.ts";
import type { ProviderConnections } from "../connection/connections.ts";
import { PROVIDERS } from "../shared/kinds.ts";
import type { SecretSource } from "../shared/secrets.ts";
import { whenFresh } from "../shared/when_fresh.ts";
import type { Certificates, ClientTls, ProviderDialer } from "./certificates.ts";
import { decide } from "./decide.ts";
import { type ProviderEvent, providerEvents } from "./events.ts";
import type { CertificateView, ConnectionSettings, ProviderInput, RuntimeKind, SecretView, Step } from "./input.ts";
import { objectLabels, runtimeName } from "./names.ts";
import { ownerOf } from "./runtime_objects.ts";
import { tlsMode, tlsSecretOf } from "./spec.ts";

/** What the reconciler works with. */
export interface ProviderReconcilerOptions {
  readonly client: KubeClient;
  readonly providers: InformerView<Provider>;
  readonly live: Readonly<Record<RuntimeKind, InformerView<UntypedObject>>>;
  readonly secrets: SecretSource;
  readonly connections: ProviderConnections;
  readonly certificates: Certificates;
  readonly dialer: ProviderDialer;
  /** Number of VirtualMachines that refer to a Provider. */
  readonly users: (key: string) => number;
  readonly clock: Clock;
  readonly random?: () => number;
  readonly requestId: () => string;
  /** The place of a call among all that managers make. */
  readonly turn: () => Turn;
  readonly event: (provider: Provider, event: ProviderEvent) => void;
  /** Wakes a Provider. */
  readonly wake: (key: string) => void;
}

const RESOURCES: Readonly<Record<RuntimeKind, ResourceType<UntypedObject>>> = {
  ServiceAccount: SERVICE_ACCOUNTS,
  Service: SERVICES,
  Deployment: DEPLOYMENTS,
};

const MAX_STEPS = 12;

/** Reconciles Providers, one at a time each. */
export class ProviderReconciler {
  readonly #options: ProviderReconcilerOptions;
  readonly #digests = new Map<string, string>();
  readonly #generations = new Map<string, number>();
  readonly #certificates = new Map<
    string,
    { readonly version: string; readonly certificate: CertificateView | undefined }
  >();
  readonly #followed = new Map<string, Set<string>>();

  constructor(options: ProviderReconcilerOptions) {
    this.#options = options;
  }

  /** Brings one Provider closer to what is asked for. */
  async reconcile(key: string, context: ReconcileContext): Promise<Result> {
    let provider = this.#options.providers.get(key);
    if (provider === undefined) {
      await this.#forget(key);
      return done;
    }
    for (let round = 0; round < MAX_STEPS; round++) {
      const input = await this.#observe(key, provider, context.signal);
      const { step, status, requeueAfterMs } = decide(input);
      if (step.type === "Wait") {
        await this.#writeStatus(provider, status, context.signal);
        return requeueAfterMs === undefined ? done : requeueAfter(requeueAfterMs);
      }
      if (step.type === "RemoveFinalizer") {
        await removeFinalizer(this.#kind, provider, PROVIDER_FINALIZER, { signal: context.signal });
        return done;
      }
      provider = await this.#act(key, provider, step, context.signal);
    }
    context.log.warn("gave up after many steps in a row; looks again soon", { steps: MAX_STEPS });
    return requeueAfter(1_000);
  }

  get #kind() {
    return { client: this.#options.client, type: PROVIDERS, informer: this.#options.providers };
  }

  async #observe(key: string, provider: Provider, signal: AbortSignal): Promise<ProviderInput> {
    const { live, connections, certificates, users, clock } = this.#options;
    const { namespace = "" } = provider.metadata;
    const name = `${namespace}/${runtimeName(provider)}`;
    const tlsSecret = tlsSecretOf(provider);
    const credentialSecret = provider.spec.credentialSecretRef?.name;
    this.#follow(key, namespace, [tlsSecret, credentialSecret].filter((n) => n !== undefined));
    const connection = connections.get(key);
    const digest = this.#digests.get(key);
    const secret = tlsSecret === undefined ? undefined : this.#secret(namespace, tlsSecret);
    const objects = {
      serviceAccount: live.ServiceAccount.get(name),
      service: live.Service.get(name),
      deployment: live.Deployment.get(name),
    };
    const client = await certificates.client();
    const certificate = secret === undefined
      ? undefined
      : await this.#certificate(namespace, secret, client.version, signal);
    const generation = this.#generations.get(key);
    return {
      provider,
      now: clock.now(),
      users: users(key),
      ...(credentialSecret === undefined ? {} : { credentials: this.#secret(namespace, credentialSecret) }),
      ...(secret === undefined ? {} : { tls: { secret, ...(certificate === undefined ? {} : { certificate }) } }),
      live: Object.fromEntries(Object.entries(objects).filter(([, object]) => object !== undefined)),
      ...(generation === undefined ? {} : { appliedGeneration: generation }),
      ...(connection === undefined || digest === undefined ? {} : {
        connection: {
          digest,
          health: connection.health,
          ...(connection.capabilities === undefined ? {} : { capabilities: connection.capabilities }),
          ...(connection.inventory.lost === undefined ? {} : { lost: connection.inventory.lost }),
        },
      }),
      clientName: certificates.clientName,
      clientVersion: client.version,
      clientRenewAt: client.renewAt,
    };
  }

  #secret(namespace: string, name: string): SecretView {
    const { secrets } = this.#options;
    const version = secrets.version({ namespace, name });
    if (version !== undefined) return { type: "Present", name, version };
    return { type: secrets.known({ namespace, name }) ? "Missing" : "Unknown", name };
  }

  /** `authority` changes whenever the authority may have: whose certificate it is, is then looked at again. */
  async #certificate(
    namespace: string,
    secret: SecretView,
    authority: string,
    signal: AbortSignal,
  ): Promise<CertificateView | undefined> {
    if (secret.type !== "Present") return undefined;
    const id = `${namespace}/${secret.name}`;
    const version = `${secret.version} ${authority}`;
    const known = this.#certificates.get(id);
    if (known?.version === version) return known.certificate;
    const values = await this.#options.secrets.read({ namespace, name: secret.name }, signal);
    const [pem, ca] = [values?.get("tls.crt")?.reveal(), values?.get("ca.crt")?.reveal()];
    const complete = pem !== undefined && ca !== undefined && values?.has("tls.key") === true;
    const certificate = complete ? await this.#options.certificates.read(pem, ca) : undefined;
    this.#certificates.set(id, { version, certificate });
    return certificate;
  }

  async #act(
    key: string,
    provider: Provider,
    step: Exclude<Step, { type: "Wait" | "RemoveFinalizer" }>,
    signal: AbortSignal,
  ): Promise<Provider> {
    const { client, connections } = this.#options;
    switch (step.type) {
      case "AddFinalizer":
        return await addFinalizer(this.#kind, provider, PROVIDER_FINALIZER, { signal });
      case "IssueCertificate":
        await this.#issue(provider, step.secretName, step.names, signal);
        return provider;
      case "Apply": {
        const type = RESOURCES[step.kind];
        const applied = await client.apply<UntypedObject>(type, step.object, {
          fieldManager: FIELD_MANAGER,
          force: true,
          signal,
        });
        if (step.kind === "Deployment") this.#generations.set(key, applied.metadata.generation ?? 0);
        await this.#seen(step.kind, applied, signal);
        return provider;
      }
      case "Connect": {
        const connection = await this.#open(key, provider, step.settings, signal);
        this.#digests.set(key, step.digest);
        await connections.set(connection);
        return provider;
      }
      case "Disconnect":
        this.#digests.delete(key);
        await connections.remove(key);
        return provider;
    }
  }

  /** Waits until the informer has what was just applied, so that the next look does not apply it again. */
  async #seen(kind: RuntimeKind, applied: KubeObject, signal: AbortSignal): Promise<void> {
    const informer = this.#options.live[kind];
    const id = `${applied.metadata.namespace ?? ""}/${applied.metadata.name}`;
    informer.expect(id, applied.metadata.resourceVersion);
    await whenFresh(informer, id, signal);
  }

  async #issue(provider: Provider, name: string, names: readonly string[], signal: AbortSignal): Promise<void> {
    const { certificates, client, secrets } = this.#options;
    const { namespace = "" } = provider.metadata;
    const { certPem, keyPem, caPem } = await certificates.issueServer(names);
    const encode = (text: string) => new TextEncoder().encode(text).toBase64();
    const written = await client.apply(SECRETS, {
      metadata: { name, namespace, labels: objectLabels(provider), ownerReferences: ownerOf(provider) },
      type: "kubernetes.io/tls",
      data: { "tls.crt": encode(certPem), "tls.key": encode(keyPem.reveal()), "ca.crt": encode(caPem) },
    }, { fieldManager: FIELD_MANAGER, force: true, signal });
    await secrets.whenSeen({ namespace, name }, written.metadata.resourceVersion, signal);
  }

  async #open(
    key: string,
    provider: Provider,
    settings: ConnectionSettings,
    signal: AbortSignal,
  ): Promise<ProviderConnection> {
    const { dialer, clock, random, requestId, turn, wake } = this.#options;
    const tls = await this.#clientTls(provider, settings, signal);
    return new ProviderConnection({
      key,
      dialed: dialer.dial(key, settings, tls, provider.spec.type),
      health: settings.health,
      clock,
      ...(random === undefined ? {} : { random }),
      requestId,
      turn,
      onChange: wake,
    });
  }

  async #clientTls(provider: Provider, settings: ConnectionSettings, signal: AbortSignal): Promise<ClientTls> {
    const { certificates, secrets } = this.#options;
    const { skipVerify } = settings;
    switch (tlsMode(provider)) {
      case "Disabled":
        return { type: "Plaintext" };
      case "Managed":
        return { type: "Mutual", identity: await certificates.client(), skipVerify };
      case "Secret": {
        const name = settings.tlsSecret?.name ?? "";
        const values = await secrets.read({ namespace: provider.metadata.namespace ?? "", name }, signal);
        const pem = (file: string): Secret<string> => {
          const value = values?.get(file);
          if (value === undefined) {
            throw new TypeError(`Secret "${name}" of Provider "${provider.metadata.name}" has no key ${file}: add it`);
          }
          return value;
        };
        const identity = {
          certPem: pem("tls.crt").reveal(),
          keyPem: pem("tls.key"),
          caPem: pem("ca.crt").reveal(),
        };
        return { type: "Mutual", identity, skipVerify };
      }
    }
  }

  async #writeStatus(provider: Provider, status: Provider["status"], signal: AbortSignal): Promise<void> {
    const { client, providers, event } = this.#options;
    const written = await new StatusWriter(client, PROVIDERS, providers).put(provider, status, { signal });
    if (written === provider) return;
    for (const each of providerEvents(provider.status, status ?? {})) event(written, each);
  }

  #follow(key: string, namespace: string, names: readonly string[]): void {
    const { secrets, wake } = this.#options;
    const before = this.#followed.get(key) ?? new Set<string>();
    const now = new Set(names.map((name) => `${namespace}/${name}`));
    for (const id of now) if (!before.has(id)) secrets.follow(nameIn(id), key, () => wake(key));
    for (const id of before) if (!now.has(id)) this.#drop(key, id);
    this.#followed.set(key, now);
  }

  #drop(key: string, id: string): void {
    this.#options.secrets.drop(nameIn(id), key);
    this.#certificates.delete(id);
  }

  async #forget(key: string): Promise<void> {
    for (const id of this.#followed.get(key) ?? []) this.#drop(key, id);
    this.#followed.delete(key);
    this.#digests.delete(key);
    this.#generations.delete(key);
    await this.#options.connections.remove(key);
  }
}

function nameIn(id: string): { namespace: string; name: string } {
  const [namespace = "", name = ""] = id.split("/");
  return { namespace, name };
}
