import { assertEquals, assertMatch } from "@virtrigaud/deps";
import {
  API_VERSION,
  IN_USE_FINALIZER,
  unsupportedFields,
  type VMClass,
  type VMImage,
  type VMNetworkAttachment,
} from "@virtrigaud/api";
import { type CatalogObject, decide } from "./decide.ts";
import { classValidity, imageValidity, networkValidity } from "./validity.ts";

const NOW = Date.UTC(2030, 0, 1);
const metadata = { name: "x", namespace: "default", generation: 3 };
const vmClass = (spec: Partial<VMClass["spec"]> = {}): VMClass => ({
  apiVersion: API_VERSION,
  kind: "VMClass",
  metadata,
  spec: { cpu: 1, memory: "1Gi", ...spec },
});
const image = (spec: VMImage["spec"]): VMImage => ({ apiVersion: API_VERSION, kind: "VMImage", metadata, spec });
const network = (spec: VMNetworkAttachment["spec"]): VMNetworkAttachment => ({
  apiVersion: API_VERSION,
  kind: "VMNetworkAttachment",
  metadata,
  spec,
});
const lab = { libvirt: { networkName: "lab" } };

Deno.test("what is wrong with a class, an image or a network is named by its field", () => {
  const cases: readonly [problems: readonly string[], says: RegExp | undefined][] = [
    [classValidity(vmClass(), 0).problems, undefined],
    [classValidity(vmClass({ memory: "much" }), 0).problems, /^spec\.memory: /],
    [classValidity(vmClass({ memory: "0" }), 0).problems, /^spec\.memory: 0 is less than 1Mi/],
    [
      classValidity(vmClass({ resourceLimits: { memoryLimit: "x" } }), 0).problems,
      /^spec\.resourceLimits\.memoryLimit: /,
    ],
    [
      classValidity(vmClass({ securityProfile: { secureBoot: true } }), 0).problems,
      /secureBoot: needs spec\.firmware UEFI/,
    ],
    [classValidity(vmClass({ firmware: "UEFI", securityProfile: { secureBoot: true } }), 0).problems, undefined],
    [imageValidity(image({ source: { vsphere: { templateName: "t" } } }), 0).problems, undefined],
    [imageValidity(image({ source: {} }), 0).problems, /^spec\.source: names no source/],
    [imageValidity(image({ source: { libvirt: {} } }), 0).problems, /^spec\.source\.libvirt: needs path or url/],
    [networkValidity(network({ network: lab }), 0).problems, undefined],
    [networkValidity(network({ network: {} }), 0).problems, /^spec\.network: names no network/],
    [networkValidity(network({ network: { libvirt: {} } }), 0).problems, /^spec\.network\.libvirt: needs/],
    [
      networkValidity(network({ network: lab, ipAllocation: { type: "Static" } }), 0).problems,
      /staticConfig: is needed/,
    ],
    [networkValidity(network({ network: lab, ipAllocation: { type: "Pool" } }), 0).problems, /Pool is not served/],
  ];
  for (const [problems, says] of cases) {
    if (says === undefined) assertEquals(problems, []);
    else assertMatch(problems.join("\n"), says);
  }
});

Deno.test("a class says which types of providers honour all of it, and what the others do not", () => {
  const demanding = vmClass({ performanceProfile: { latencySensitivity: "high" }, extraConfig: { x: "y" } });
  const { status } = classValidity(demanding, 7);
  assertEquals(status["usedByVMs"], 7);
  const results = status["validationResults"] as Record<string, { valid: boolean; message?: string }>;
  const supported = status["supportedProviders"] as string[];
  assertEquals(supported.includes("mock"), true);
  for (const [type, { valid, message }] of Object.entries(results)) {
    assertEquals([valid, supported.includes(type)], message === undefined ? [true, true] : [false, false]);
    const missing = unsupportedFields(demanding, "libvirt");
    if (type === "libvirt") {
      assertEquals(message, missing.length === 0 ? undefined : `not honoured: ${missing.join(", ")}`);
    }
  }
});

Deno.test("an object is held while it is used and let go when the last VM has gone", () => {
  const validity = { problems: [], status: {} };
  const stepOf = (users: number, held: boolean, deleting: boolean) => {
    const object: CatalogObject = {
      apiVersion: API_VERSION,
      kind: "VMClass",
      metadata: {
        ...metadata,
        ...(held ? { finalizers: [IN_USE_FINALIZER] } : {}),
        ...(deleting ? { deletionTimestamp: "2030-01-01T00:00:00Z" } : {}),
      },
    };
    return decide({ object, users, validity, now: NOW }).step;
  };
  assertEquals(stepOf(1, false, false), "AddFinalizer");
  assertEquals(stepOf(1, true, true), "Wait");
  assertEquals(stepOf(0, true, true), "RemoveFinalizer");
  assertEquals(stepOf(0, true, false), "Wait");
  assertEquals(stepOf(0, false, true), "Wait");
});

Deno.test("the status is true for the present generation, and the same when it is looked at again", () => {
  const broken = image({ source: {} });
  const validity = imageValidity(broken, 2);
  const first = decide({ object: broken as CatalogObject, users: 2, validity, now: NOW }).status;
  const types = (first["conditions"] as { type: string; reason: string }[]).map(({ type, reason }) =>
    `${type} ${reason}`
  );
  assertEquals(types, ["Ready InvalidSpec", "Stalled InvalidSpec"]);
  assertEquals([first["observedGeneration"], first["phase"], first["usedByVMs"]], [3, "Failed", 2]);
  const again = { ...broken, status: first } as CatalogObject;
  assertEquals(decide({ object: again, users: 2, validity, now: NOW + 60_000 }).status, first);
  const healed = decide({ object: again, users: 2, validity: { problems: [], status: {} }, now: NOW }).status;
  assertEquals((healed["conditions"] as { type: string }[]).map(({ type }) => type), ["Ready"]);
});
