import { assertEquals } from "@virtrigaud/deps";
import { programFor, type ProgramSources } from "./programs.ts";

const sources: ProgramSources = { sources: "/src", deno: "/bin/deno", exists: () => true };

Deno.test("the last part of an image's name says which provider it is", () => {
  for (const image of ["provider-mock", "ghcr.io/a/b/provider-mock:v1", "host:5000/provider-mock@sha256:00"]) {
    assertEquals(programFor(image, sources)?.args.at(-1), "/src/providers/mock/main.ts", image);
  }
  assertEquals(programFor("ghcr.io/a/provider-other:v1", sources), undefined);
  assertEquals(programFor("provider-mock-extra", sources), undefined);
});

Deno.test("a binary beside the running one wins over sources; what is not there is not run", () => {
  const both = { ...sources, binaries: "/opt" };
  assertEquals(programFor("provider-libvirt:v1", both), { command: "/opt/provider-libvirt", args: [] });
  const onlySources = { ...both, exists: (path: string) => path.startsWith("/src") };
  assertEquals(programFor("provider-libvirt:v1", onlySources)?.command, "/bin/deno");
  assertEquals(programFor("provider-vsphere:v1", { ...both, exists: () => false }), undefined);
});
