import { assertEquals } from "@virtrigaud/deps";
import { compileSchema } from "../compile.ts";
import { errorText } from "../errors.ts";
import type { JsonObject } from "../types.ts";
import { CORE_SCHEMAS, coreSchema } from "./mod.ts";

Deno.test("every core schema compiles and leaves unknown fields alone", () => {
  for (const [name, schema] of CORE_SCHEMAS) {
    const compiled = compileSchema(schema, { name });
    const object = { metadata: { name: "x" }, spec: { unheardOf: { deep: [1] } }, unheardOf: 1 };
    assertEquals(compiled.prune(object), [], name);
    assertEquals(object.spec.unheardOf, { deep: [1] });
  }
});

Deno.test("a deployment gets the defaults that kubectl users know", () => {
  const schema = compileSchema(coreSchema("apps/v1", "Deployment") ?? {});
  const object: JsonObject = {
    spec: {
      selector: { matchLabels: { a: "b" } },
      template: { spec: { containers: [{ name: "c", image: "i", ports: [{ containerPort: 80 }] }] } },
    },
  };
  schema.applyDefaults(object);
  assertEquals(schema.validate(object).map(errorText), []);
  assertEquals(object, {
    spec: {
      selector: { matchLabels: { a: "b" } },
      template: {
        spec: {
          containers: [{
            name: "c",
            image: "i",
            ports: [{ containerPort: 80, protocol: "TCP" }],
            resources: {},
            terminationMessagePath: "/dev/termination-log",
            terminationMessagePolicy: "File",
          }],
          dnsPolicy: "ClusterFirst",
          restartPolicy: "Always",
          schedulerName: "default-scheduler",
          securityContext: {},
          terminationGracePeriodSeconds: 30,
        },
      },
      replicas: 1,
      strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: "25%", maxSurge: "25%" } },
      revisionHistoryLimit: 10,
      progressDeadlineSeconds: 600,
    },
  });
});

Deno.test("required fields and closed choices of core kinds are checked", () => {
  const errors = (apiVersion: string, kind: string, object: JsonObject) =>
    compileSchema(coreSchema(apiVersion, kind) ?? {}).validate(object).map(errorText);
  assertEquals(errors("apps/v1", "Deployment", { spec: {} }), [
    "spec.selector: Required value",
    "spec.template: Required value",
  ]);
  assertEquals(errors("v1", "Service", { spec: { type: "Nope" } }), [
    'spec.type: Unsupported value: "Nope": supported values: "ClusterIP", "NodePort", "LoadBalancer", "ExternalName"',
  ]);
  assertEquals(errors("v1", "Secret", { data: { k: "%%" } }).length, 1);
});
