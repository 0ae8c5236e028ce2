/** Every manifest under examples/, as a user applies it. @module */

import { assert, assertEquals, parseAllYaml } from "@virtrigaud/deps";
import { fileURLToPath } from "node:url";
import type { Case } from "../support/case.ts";
import type { Printed } from "../support/kubectl.ts";
import { isReady, readyOf, secret, when } from "../support/manifests.ts";

const FOLDER = fileURLToPath(new URL("../../../examples", import.meta.url));

/** Every YAML file below a folder, relative to it. */
function* manifestFiles(folder: string, below = ""): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (isDirectory) yield* manifestFiles(`${folder}/${name}`, `${below}${name}/`);
    else if (name.endsWith(".yaml")) yield `${below}${name}`;
  }
}

/** Kinds that nothing looks at yet; README says which. */
const UNATTENDED = ["VMSnapshot", "VMClone", "VMMigration", "VMSet", "VMPlacementPolicy"];

function example(file: string): Case {
  return {
    name: `examples/${file}`,
    async run(world) {
      const kubectl = await world.namespace(`example-${file.replaceAll(/[^a-z0-9]+/g, "-").replace(/-yaml$/, "")}`);
      const path = `${FOLDER}/${file}`;
      const objects = parseAllYaml(await Deno.readTextFile(path)) as Printed[];
      const provider = objects.find(({ kind }) => kind === "Provider");
      const wanted = provider?.spec.credentialSecretRef?.name;
      // What the comment at the top of the file tells the user to make. Nobody can log in with it.
      if (wanted !== undefined && !objects.some(({ metadata }) => metadata.name === wanted)) {
        await kubectl.apply(secret(wanted, { "ssh-privatekey": world.canary.word, known_hosts: world.canary.word }));
      }
      const { code, out, err } = await kubectl.run(["apply", "-f", path]);
      assertEquals([code, err], [0, ""], out);
      const onMock = provider?.spec.type === "mock";
      for (const { kind, metadata: { name } } of objects) {
        if (kind === "Secret" || UNATTENDED.includes(kind)) continue;
        const attended = await when(
          kubectl,
          kind,
          name,
          "to be looked at",
          (seen) =>
            onMock || ["VMClass", "VMImage", "VMNetworkAttachment"].includes(kind)
              ? isReady(seen)
              : readyOf(seen) !== undefined && !/does not exist/.test(readyOf(seen)?.message ?? ""),
        );
        if (kind !== "VirtualMachine" || onMock) continue;
        // Everything that it refers to is there; it waits for the hypervisor, which is not.
        const condition = readyOf(attended);
        assert(/^Provider/.test(condition?.reason ?? ""), `${kind} ${name}: ${JSON.stringify(condition)}`);
      }
      await world.search();
      await kubectl.ok(["delete", "-f", path, "--timeout=90s"]);
    },
  };
}

/** One case for each file. */
export const examples: readonly Case[] = [...manifestFiles(FOLDER)].sort().map(example);
