import { assert, assertEquals } from "@virtrigaud/deps";
import { enumerate, run } from "./enumerate.ts";
import { SCENARIOS } from "./scenarios.ts";

/** Every so many points in the test command; the campaign takes them all. */
const STRIDE = 7;

for (const [index, scenario] of SCENARIOS.entries()) {
  Deno.test(`killed at any point of ${scenario.name}, the system ends as asked, with nothing doubled or left over`, async () => {
    const { points, killed, failures } = await enumerate(scenario, { stride: STRIDE, offset: index % STRIDE });
    assertEquals(failures, []);
    assertEquals(
      killed,
      Math.ceil((points - (index % STRIDE)) / STRIDE),
      "points were counted that nobody was killed at",
    );
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
