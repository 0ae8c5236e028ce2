import { assertEquals, assertNotEquals } from "@virtrigaud/deps";
import type { UntypedObject } from "@virtrigaud/kube";
import { readTemplate } from "./template.ts";

function deployment(image?: string): UntypedObject {
  return {
    metadata: { name: "d", namespace: "ns", generation: 3 },
    spec: {
      replicas: 2,
      template: {
        spec: {
          terminationGracePeriodSeconds: 7,
          containers: image === undefined ? [] : [{
            image,
            args: ["--port=1"],
            env: [{ name: "A", value: "b" }],
            volumeMounts: [{ name: "creds", mountPath: "/etc/c" }, { name: "tmp", mountPath: "/tmp" }],
          }],
          volumes: [{ name: "creds", secret: { secretName: "s" } }, { name: "tmp", emptyDir: {} }],
        },
      },
    },
  };
}

Deno.test("a Deployment is read as one container with its Secrets and environment", () => {
  const { identity: _, ...template } = readTemplate(deployment("img")) ?? { identity: "" };
  assertEquals(template, {
    namespace: "ns",
    name: "d",
    image: "img",
    replicas: 2,
    args: ["--port=1"],
    env: [{ name: "A", value: "b" }],
    secrets: [{ secret: "s", mountPath: "/etc/c" }],
    generation: 3,
    graceSeconds: 7,
  });
  assertEquals(readTemplate(deployment()), undefined);
});

Deno.test("another pod template is another process, another number of replicas is not", () => {
  const identity = (object: UntypedObject) => readTemplate(object)?.identity;
  const scaled = deployment("img");
  (scaled.spec as { replicas: number }).replicas = 1;
  assertEquals(identity(deployment("img")), identity(scaled));
  assertNotEquals(identity(deployment("img")), identity(deployment("other")));
});
