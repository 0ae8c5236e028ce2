/** Namespace, ConfigMap, Secret, ServiceAccount and Service. @module */
import type { StructuralSchema } from "../types.ts";
import {
  anything,
  boolean,
  conditions,
  integer,
  intOrString,
  keyed,
  listOf,
  localReference,
  mapOf,
  object,
  oneOf,
  reference,
  string,
  withDefault,
} from "./build.ts";

const bytes = mapOf({ type: "string", format: "byte" });

/** `v1` Namespace. */
export const namespace: StructuralSchema = object({
  spec: object({ finalizers: listOf(string) }),
  status: object({ phase: string, conditions }),
});

/** `v1` ConfigMap. */
export const configMap: StructuralSchema = object({ data: mapOf(string), binaryData: bytes, immutable: boolean });

/** `v1` Secret. `stringData` is for writing only: the server moves it to `data`. */
export const secret: StructuralSchema = object({
  type: withDefault(string, "Opaque"),
  data: bytes,
  stringData: mapOf(string),
  immutable: boolean,
});

/** `v1` ServiceAccount. */
export const serviceAccount: StructuralSchema = object({
  automountServiceAccountToken: boolean,
  imagePullSecrets: listOf(localReference),
  secrets: keyed(["name"], reference),
});

/** `v1` Service. */
export const service: StructuralSchema = object({
  spec: object({
    type: withDefault(oneOf("ClusterIP", "NodePort", "LoadBalancer", "ExternalName"), "ClusterIP"),
    clusterIP: string,
    clusterIPs: listOf(string),
    externalIPs: listOf(string),
    externalName: string,
    externalTrafficPolicy: string,
    internalTrafficPolicy: string,
    ipFamilies: listOf(string),
    ipFamilyPolicy: string,
    loadBalancerClass: string,
    loadBalancerIP: string,
    loadBalancerSourceRanges: listOf(string),
    ports: keyed(
      ["port", "protocol"],
      object({
        name: string,
        protocol: withDefault(oneOf("TCP", "UDP", "SCTP"), "TCP"),
        appProtocol: string,
        port: integer,
        targetPort: intOrString,
        nodePort: integer,
      }, ["port"]),
    ),
    publishNotReadyAddresses: boolean,
    selector: { ...mapOf(string), "x-kubernetes-map-type": "atomic" },
    sessionAffinity: withDefault(oneOf("None", "ClientIP"), "None"),
    sessionAffinityConfig: anything,
    trafficDistribution: string,
  }),
  status: object({ conditions, loadBalancer: object({ ingress: listOf(anything) }) }),
});
