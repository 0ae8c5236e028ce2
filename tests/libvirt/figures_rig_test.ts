import { assert, assertEquals } from "@virtrigaud/deps";
import { callContext, createRequest, finish, machine } from "../../providers/libvirt/testing/fixture.ts";
import { libvirtRig } from "../rigs/libvirt/mod.ts";
import { skipWithout } from "../rigs/skip.ts";
import { measured, measureOperations, measureRest } from "./measure.ts";

const ignore = await skipWithout("libvirt provider", "its figures, counted instead of timed", libvirtRig);

/** Most calls to libvirt that an operation may take; what they take in time the bench says. */
const MOST_CALLS: Readonly<Record<string, number>> = {
  "create to Running, image on the host": 30,
  "nothing to change": 12,
  "add a disk, running": 22,
  "grow it, running": 14,
  "take it out, running": 20,
  "suspend": 5,
  "resume": 5,
  "power off": 5,
  "snapshot": 9,
  "revert": 9,
  "delete the snapshot": 5,
  "power on": 13,
  "delete, running": 14,
};

Deno.test(
  { name: "operations take few calls; at rest only pings pass; all of it on one SSH connection", ignore },
  async () => {
    await using bench = await measured();
    const { provider, meter } = bench;
    const context = callContext();
    for (const { name, calls, totalMs, libvirtMs } of await measureOperations(bench, 1)) {
      assert(calls <= (MOST_CALLS[name] ?? 0), `${name}: ${calls} calls`);
      // Not a figure: only that what is called libvirt's time is part of the whole.
      assert(libvirtMs <= totalMs, `${name}: ${libvirtMs} ms of ${totalMs} ms`);
    }

    const uid = crypto.randomUUID();
    await finish(
      provider,
      (await provider.create(createRequest(uid, machine("off", { nics: [] }), false), context)).task,
    );
    const countOf = async (ask: () => Promise<unknown>): Promise<number> => {
      meter.take();
      await ask();
      return meter.take().calls;
    };
    // The first one asks for the host's name as well.
    await provider.describe({ vmId: uid }, context);
    const describe = await countOf(() => provider.describe({ vmId: uid }, context));
    // Both at once: what it is doing and what it looks like.
    assert(describe <= 2, `describe: ${describe} calls`);
    const one = await countOf(() => provider.listVms({}, context));
    for (let index = 0; index < 4; index++) {
      const more = machine(`more-${index}`, { nics: [] });
      await finish(provider, (await provider.create(createRequest(crypto.randomUUID(), more, false), context)).task);
    }
    const five = await countOf(() => provider.listVms({}, context));
    assert(one <= 3 && five - one <= 4, `list: ${one} calls for one VM, ${five} for five`);

    const rest = await measureRest(bench, 5);
    assertEquals(rest.calls, 0, "nothing is asked while nothing happens");
    assert(rest.keepAlives > 0, "but the connection is known to be there");
    assertEquals([rest.connections, rest.open], [1, 1]);
  },
);
