import { assert, assertEquals, assertMatch, assertNotEquals } from "@virtrigaud/deps";
import { API_VERSION, type Provider } from "@virtrigaud/api";
import { covers } from "./covers.ts";
import { certificateNames, runtimeName, selectorLabels, tlsSecretName } from "./names.ts";
import { deployment, service, serviceAccount } from "./runtime_objects.ts";

function provider(spec: Partial<Provider["spec"]> = {}, name = "kvm", namespace = "site"): Provider {
  return {
    apiVersion: API_VERSION,
    kind: "Provider",
    metadata: { name, namespace, uid: "uid-1", generation: 1 },
    spec: { type: "libvirt", endpoint: "qemu+ssh://root@kvm/system", runtime: { image: "provider:1" }, ...spec },
  };
}

const NAME = "virtrigaud-provider-site-kvm";
const labels = {
  "app.kubernetes.io/name": "virtrigaud-provider",
  "app.kubernetes.io/instance": "kvm",
  "app.kubernetes.io/component": "provider",
  "app.kubernetes.io/managed-by": "virtrigaud",
  "virtrigaud.io/provider-type": "libvirt",
  "virtrigaud.io/provider": "kvm",
};
const metadata = {
  name: NAME,
  namespace: "site",
  labels,
  ownerReferences: [{
    apiVersion: API_VERSION,
    kind: "Provider",
    name: "kvm",
    uid: "uid-1",
    controller: true,
    blockOwnerDeletion: true,
  }],
};

Deno.test("the account has no token and the service the two ports", () => {
  assertEquals<unknown>(serviceAccount(provider()), { metadata, automountServiceAccountToken: false });
  assertEquals<unknown>(service(provider()), {
    metadata,
    spec: {
      type: "ClusterIP",
      selector: { "app.kubernetes.io/name": "virtrigaud-provider", "app.kubernetes.io/instance": "kvm" },
      ports: [
        { name: "grpc", port: 9443, targetPort: 9443, protocol: "TCP" },
        { name: "metrics", port: 8080, targetPort: 8080, protocol: "TCP" },
      ],
    },
  });
});

Deno.test("the pods carry arguments, environment, mounts, probes and the restricted security settings", () => {
  const wanted = deployment(
    provider({
      credentialSecretRef: { name: "login" },
      defaults: { datastore: "fast" },
      runtime: {
        image: "provider:1",
        imagePullSecrets: [{ name: "pull" }],
        env: [{ name: "LOG_LEVEL", value: "debug" }, { name: "EXTRA", value: "1" }],
      },
    }),
    { credentialsVersion: "42", tlsSecret: "tls", allowedSans: ["manager.virtrigaud.io"] },
  );
  assertEquals<unknown>(wanted, {
    metadata,
    spec: {
      replicas: 1,
      selector: { matchLabels: selectorLabels(provider()) },
      strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
      template: {
        metadata: {
          labels,
          annotations: {
            "kubectl.kubernetes.io/default-container": "provider",
            "virtrigaud.io/credentials-version": "42",
          },
        },
        spec: {
          serviceAccountName: NAME,
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          terminationGracePeriodSeconds: 60,
          securityContext: {
            runAsNonRoot: true,
            runAsUser: 65532,
            runAsGroup: 65532,
            fsGroup: 65532,
            seccompProfile: { type: "RuntimeDefault" },
          },
          imagePullSecrets: [{ name: "pull" }],
          containers: [{
            name: "provider",
            image: "provider:1",
            imagePullPolicy: "IfNotPresent",
            args: ["--port=9443", "--health-port=8080"],
            ports: [
              { name: "grpc", containerPort: 9443, protocol: "TCP" },
              { name: "health", containerPort: 8080, protocol: "TCP" },
            ],
            env: [
              { name: "PROVIDER_TYPE", value: "libvirt" },
              { name: "PROVIDER_ENDPOINT", value: "qemu+ssh://root@kvm/system" },
              { name: "PROVIDER_NAMESPACE", value: "site" },
              { name: "PROVIDER_NAME", value: "kvm" },
              { name: "TLS_ENABLED", value: "true" },
              { name: "VIRTRIGAUD_PROVIDER_ALLOWED_SANS", value: "manager.virtrigaud.io" },
              { name: "TLS_INSECURE_SKIP_VERIFY", value: "false" },
              { name: "LOG_FORMAT", value: "text" },
              { name: "PROVIDER_DEFAULT_DATASTORE", value: "fast" },
              { name: "LOG_LEVEL", value: "debug" },
              { name: "EXTRA", value: "1" },
            ],
            volumeMounts: [
              { name: "provider-credentials", mountPath: "/etc/virtrigaud/credentials", readOnly: true },
              { name: "provider-tls", mountPath: "/etc/virtrigaud/tls", readOnly: true },
              { name: "tmp", mountPath: "/tmp" },
            ],
            livenessProbe: {
              httpGet: { path: "/healthz", port: "health" },
              initialDelaySeconds: 15,
              periodSeconds: 20,
            },
            readinessProbe: { httpGet: { path: "/readyz", port: "health" }, initialDelaySeconds: 1, periodSeconds: 5 },
            resources: { requests: { cpu: "100m", memory: "128Mi" }, limits: { cpu: "1", memory: "512Mi" } },
            securityContext: {
              runAsNonRoot: true,
              readOnlyRootFilesystem: true,
              allowPrivilegeEscalation: false,
              capabilities: { drop: ["ALL"] },
              seccompProfile: { type: "RuntimeDefault" },
            },
          }],
          volumes: [
            { name: "provider-credentials", secret: { secretName: "login", defaultMode: 0o440 } },
            { name: "provider-tls", secret: { secretName: "tls", defaultMode: 0o440 } },
            { name: "tmp", emptyDir: {} },
          ],
        },
      },
    },
  });
});

Deno.test("plain text is said to the provider in so many words", () => {
  const text = JSON.stringify(deployment(provider(), { allowedSans: [] }));
  assert(text.includes(`{"name":"VIRTRIGAUD_PROVIDER_INSECURE","value":"true"}`));
  assertEquals(text.includes("provider-tls"), false);
});

Deno.test("no two Providers share objects: the name is unique in its namespace and a DNS label", () => {
  const pairs = [["a-b", "c"], ["a", "b-c"], ["a", "b.c"], ["a", "b-c-d"], ["a", "b.c.d"], ["a", "b-c.d"]] as const;
  const long = "x".repeat(80);
  const providers = [
    ...pairs.map(([namespace, name]) => provider({}, name, namespace)),
    provider({}, long, "a"),
    provider({}, `${long}y`, "a"),
  ];
  const places = providers.map((each) => `${each.metadata.namespace}/${runtimeName(each)}`);
  assertEquals(new Set(places).size, providers.length);
  for (const each of providers) {
    assertMatch(runtimeName(each), /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/);
    assertEquals(certificateNames(each)[0], `${runtimeName(each)}.${each.metadata.namespace}.svc.cluster.local`);
    assertEquals(tlsSecretName(each), `${runtimeName(each)}-tls`);
  }
  assertNotEquals(
    JSON.stringify(selectorLabels(provider({}, long))),
    JSON.stringify(selectorLabels(provider({}, `${long}y`))),
  );
});

Deno.test("what others added to an object is no reason to apply it again, what they changed is", () => {
  const wanted = { spec: { ports: [{ name: "grpc", port: 1 }] }, absent: undefined };
  assertEquals(covers({ spec: { ports: [{ name: "grpc", port: 1, nodePort: 7 }], type: "ClusterIP" } }, wanted), true);
  assertEquals(covers({ spec: { ports: [{ name: "grpc", port: 2 }] } }, wanted), false);
  assertEquals(covers({ spec: { ports: [{ name: "grpc", port: 1 }, { name: "x", port: 3 }] } }, wanted), false);
  assertEquals(covers(undefined, wanted), false);
});
