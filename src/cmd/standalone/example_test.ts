import { assertEquals, parseAllYaml } from "@virtrigaud/deps";
import { exampleObjects } from "./example.ts";

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: Record<string, unknown>;
}

Deno.test("what up applies is the example of the documentation", async () => {
  const path = new URL("../../../examples/mock/vm.yaml", import.meta.url);
  const documented = parseAllYaml(await Deno.readTextFile(path)) as Manifest[];
  const applied = exampleObjects({ type: "Mock", stateFile: "state" }) as unknown as Manifest[];
  const essence = (objects: readonly Manifest[]) =>
    objects.map(({ kind, metadata, spec }) => {
      if (kind !== "Provider") return { kind, name: metadata.name, spec };
      // Only on this machine the mock keeps its machines in a file.
      const { env: _, ...runtime } = spec.runtime as Record<string, unknown>;
      return { kind, name: metadata.name, spec: { ...spec, runtime } };
    });
  assertEquals(essence(applied), essence(documented));
});

Deno.test("a libvirt host without an image gets its Provider only, and secrets only in a Secret", () => {
  const objects = exampleObjects({
    type: "Libvirt",
    uri: "qemu+ssh://h/system",
    credentials: { "ssh-privatekey": "k3y" },
  });
  assertEquals(objects.map(({ kind }) => kind), ["Secret", "Provider"]);
  assertEquals(JSON.stringify(objects.slice(1)).includes("k3y"), false);
});
