import { assert, assertEquals } from "@virtrigaud/deps";
import { isExhaustive, seed } from "./config.ts";
import { enumerate, run } from "./enumerate.ts";
import { SCENARIOS } from "./scenarios.ts";

for (const scenario of SCENARIOS) {
  Deno.test(`killed at any point of ${scenario.name}, the system ends as asked, with nothing doubled or left over`, async () => {
    const { points, killed, failures } = await enumerate(scenario);
    console.log(`     ${scenario.name}: killed at ${killed} of ${points} points`);
    assertEquals(failures, []);
    assertEquals(killed, points, "points were counted that nobody was killed at");
  });
}

// As many runs again: the long form only.
for (const scenario of isExhaustive() ? SCENARIOS : []) {
  Deno.test(`killed at any point of ${scenario.name} and again while recovering, the system ends as asked`, async () => {
    const twice = seed();
    const { killed, failures } = await enumerate(scenario, { twice });
    console.log(`     ${scenario.name}: killed at ${killed} points and again later, seed ${twice}`);
    assertEquals(failures, []);
  });
}

Deno.test("the points of a run come from the run: every process is at some of them, before and after", async () => {
  const [create] = SCENARIOS;
  assert(create !== undefined);
  const { points } = await run(create);
  for (const process of ["manager", "provider", "control plane"]) {
    for (const phase of ["before", "after"]) {
      assert(points.some((point) => point.process === process && point.phase === phase), `${phase} in ${process}`);
    }
  }
  assert(points.some(({ what }) => what === "rpc Create"));
  assert(points.some(({ what }) => /^request PUT .*\/virtualmachines\/a\/status$/.test(what)));
});
