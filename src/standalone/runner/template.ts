/** What of a Deployment the runner goes by: one container, its files and its environment. Pure. @module */
import type { UntypedObject } from "@virtrigaud/kube";

/** An environment variable of a container. */
export interface EnvEntry {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: {
    readonly secretKeyRef?: { readonly name: string; readonly key: string; readonly optional?: boolean };
    readonly configMapKeyRef?: { readonly name: string; readonly key: string; readonly optional?: boolean };
    readonly fieldRef?: { readonly fieldPath: string };
  };
}

/** A Secret that is mounted. */
export interface SecretMount {
  readonly secret: string;
  readonly mountPath: string;
}

/** The one container of a provider's Deployment. */
export interface ProcessTemplate {
  readonly namespace: string;
  readonly name: string;
  readonly image: string;
  readonly replicas: number;
  readonly args: readonly string[];
  readonly env: readonly EnvEntry[];
  readonly secrets: readonly SecretMount[];
  readonly generation: number;
  /** Seconds between SIGTERM and SIGKILL. */
  readonly graceSeconds: number;
  /** Differs when a new process is needed. */
  readonly identity: string;
}

interface Container {
  readonly image?: string;
  readonly args?: readonly string[];
  readonly env?: readonly EnvEntry[];
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
}

interface DeploymentSpec {
  readonly replicas?: number;
  readonly template?: {
    readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> };
    readonly spec?: {
      readonly terminationGracePeriodSeconds?: number;
      readonly containers?: readonly Container[];
      readonly volumes?: readonly { readonly name: string; readonly secret?: { readonly secretName?: string } }[];
    };
  };
}

/** Reads a Deployment; `undefined` for one without a container. */
export function readTemplate(deployment: UntypedObject): ProcessTemplate | undefined {
  const { metadata } = deployment;
  const { replicas = 1, template } = (deployment.spec ?? {}) as DeploymentSpec;
  const container = template?.spec?.containers?.[0];
  if (container?.image === undefined) return undefined;
  const volumes = new Map((template?.spec?.volumes ?? []).map((volume) => [volume.name, volume.secret?.secretName]));
  return {
    namespace: metadata.namespace ?? "default",
    name: metadata.name,
    image: container.image,
    replicas,
    args: container.args ?? [],
    env: container.env ?? [],
    secrets: (container.volumeMounts ?? []).flatMap(({ name, mountPath }) => {
      const secret = volumes.get(name);
      return secret === undefined ? [] : [{ secret, mountPath }];
    }),
    generation: metadata.generation ?? 0,
    graceSeconds: template?.spec?.terminationGracePeriodSeconds ?? 30,
    identity: JSON.stringify(template),
  };
}
