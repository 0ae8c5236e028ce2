/**
 * `deno task test`: everything that can run on this machine. Installs what the suites need, runs the checks of every
 * commit, the unit tests and the integration suites, and ends with the line `N passed, N failed, N skipped`. The exit
 * code is 0 only if nothing failed; a check that breaks counts as one failure. With the name of a rig it runs the suites
 * of that rig, and nothing else; with a word beside, of those the files that have it in their path.
 */
import { libvirtRig } from "../tests/rigs/libvirt/mod.ts";
import { helmRig } from "../tests/rigs/helm/mod.ts";
import { kubectlRig, kubernetesRig } from "../tests/rigs/kubernetes/mod.ts";
import type { Need } from "../tests/rigs/skip.ts";
import { runCheck, STATIC_CHECKS, unitTestArgs } from "./checks.ts";
import { assertDenoVersion } from "../src/telemetry/deno_version.ts";
import { setUp } from "./setup/setup.ts";
import { add, type Counts, summaryLine } from "./test/counts.ts";
import { runAndTell } from "./test/run_tests.ts";
import { assign, INTEGRATION_SUITES, NEED_NAMES, type NeedName, testFiles, UNIT_SUITE } from "./test/suites.ts";

const NEEDS: Readonly<Record<NeedName, Need>> = {
  libvirt: libvirtRig,
  kubernetes: kubernetesRig,
  kubectl: kubectlRig,
  helm: helmRig,
};

async function main(rig: NeedName | undefined, word = ""): Promise<Counts> {
  let sum: Counts = { passed: 0, failed: 0, skipped: 0 };
  const { bySuite } = assign(testFiles("."));
  await setUp((line) => console.log(line), rig);
  if (rig === undefined) {
    for (const check of STATIC_CHECKS) {
      if (!(await runCheck(check))) sum = add(sum, { passed: 0, failed: 1, skipped: 0 });
    }
    sum = add(sum, await runAndTell(UNIT_SUITE.name, unitTestArgs(), UNIT_SUITE.minutes));
  }
  for (const suite of INTEGRATION_SUITES.filter(({ needs }) => rig === undefined || needs.includes(rig))) {
    for (const file of (bySuite.get(suite) ?? []).filter((path) => path.includes(word))) {
      const reasons = await Promise.all(suite.needs.map((need) => NEEDS[need].unavailable()));
      const why = reasons.find((reason) => reason !== undefined);
      if (why === undefined) {
        sum = add(sum, await runAndTell(`${suite.name}: ${file}`, [file], suite.minutes));
        continue;
      }
      console.log(`SKIPPED ${suite.name}: ${file} because ${why}`);
      sum = add(sum, { passed: 0, failed: 0, skipped: 1 });
    }
  }
  return sum;
}

function rigNamed(name: string | undefined): NeedName | undefined {
  if (name === undefined) return undefined;
  const rig = NEED_NAMES.find((known) => known === name);
  if (rig === undefined) throw new RangeError(`there is no rig ${name}: expected one of ${NEED_NAMES.join(", ")}`);
  return rig;
}

if (import.meta.main) {
  assertDenoVersion();
  const sum = await main(rigNamed(Deno.args[0]), Deno.args[1]);
  console.log(summaryLine(sum));
  Deno.exit(sum.failed > 0 ? 1 : 0);
}
