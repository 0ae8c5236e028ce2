import { assertEquals } from "@virtrigaud/deps";
import { machine } from "../virtual_machine/testing/inputs.ts";
import { Inventory, type InventoryChange } from "./inventory.ts";

function listed(...machines: ReturnType<typeof machine>[]): Inventory {
  const inventory = new Inventory(() => 0);
  inventory.apply({ type: "ListBegin" });
  for (const vm of machines) inventory.apply({ type: "Present", vm });
  inventory.apply({ type: "ListEnd" });
  return inventory;
}

Deno.test("nothing is known before the first whole list, nor after the stream broke", () => {
  const inventory = new Inventory(() => 0);
  assertEquals(inventory.view({ ownerUid: "uid-1" }).type, "Lost");
  inventory.apply({ type: "ListBegin" });
  inventory.apply({ type: "Present", vm: machine() });
  assertEquals(inventory.view({ ownerUid: "uid-1" }).type, "Lost");
  inventory.apply({ type: "ListEnd" });
  assertEquals(inventory.view({ ownerUid: "uid-1" }).type, "Present");
  inventory.lose("it broke");
  assertEquals(inventory.view({ ownerUid: "uid-1" }), { type: "Lost", message: "it broke" });
});

Deno.test("a machine is found by its mark before its id, and a new list drops what it does not name", () => {
  const inventory = listed(machine(), machine({ id: "vm-2", ownerUid: "uid-2", name: "db" }));
  const view = inventory.view({ vmId: "vm-2", ownerUid: "uid-1" });
  assertEquals(view.type === "Present" ? view.vm.id : view.type, "vm-1");
  const changes: InventoryChange[] = [];
  inventory.onChange((change) => void changes.push(change));
  inventory.apply({ type: "ListBegin" });
  inventory.apply({ type: "Present", vm: machine() });
  inventory.apply({ type: "ListEnd" });
  assertEquals(inventory.view({ vmId: "vm-2", ownerUid: "uid-2" }).type, "Absent");
  assertEquals(changes, [
    { vmId: "vm-1", ownerUid: "uid-1" },
    { vmId: "vm-2", ownerUid: "uid-2", freedName: "db" },
    {},
  ]);
});

Deno.test("a change of our own hides the state from before it until something newer is seen", () => {
  const inventory = listed(machine());
  inventory.unsettle("vm-1");
  assertEquals(inventory.view({ ownerUid: "uid-1" }).type, "Unsettled");
  const mark = inventory.mark();
  inventory.learn(machine({ power: "Off" }), mark);
  const view = inventory.view({ ownerUid: "uid-1" });
  assertEquals(view.type === "Present" ? view.vm.power : view.type, "Off");
});

Deno.test("an answer that the stream overtook is not believed over it, and is asked for again if it mattered", () => {
  const inventory = listed(machine());
  const mark = inventory.mark();
  inventory.apply({ type: "Present", vm: machine({ cpus: 4 }) });
  inventory.unsettle("vm-1");
  inventory.learn(machine({ cpus: 1 }), mark);
  assertEquals(inventory.view({ ownerUid: "uid-1" }).type, "Unsettled");
  inventory.learnAbsence({ ownerUid: "uid-1" }, mark);
  assertEquals(inventory.view({ ownerUid: "uid-1" }).type, "Unsettled");
});

Deno.test("the end of a task makes the machine's state a question", () => {
  const inventory = listed(machine());
  inventory.apply({ type: "Task", status: { task: { id: "t" }, vmId: "vm-1", state: "Running" } });
  assertEquals(inventory.view({ ownerUid: "uid-1" }).type, "Present");
  inventory.apply({ type: "Task", status: { task: { id: "t" }, vmId: "vm-1", state: "Succeeded" } });
  assertEquals(inventory.view({ ownerUid: "uid-1" }).type, "Unsettled");
  assertEquals(inventory.task("t")?.status.state, "Succeeded");
});

Deno.test("a name is held by any machine that is not the object's own, and its end is told", () => {
  const inventory = listed(machine(), machine({ id: "vm-9", ownerUid: undefined, name: "web" }));
  assertEquals([inventory.holderOf("web", "uid-1"), inventory.holderOf("other", "uid-1")], ["vm-9", undefined]);
  const freed: (string | undefined)[] = [];
  inventory.onChange(({ freedName }) => void freed.push(freedName));
  inventory.apply({ type: "Present", vm: machine({ id: "vm-9", ownerUid: undefined, name: "renamed" }) });
  assertEquals([inventory.holderOf("web", "uid-1"), inventory.holderOf("renamed", "uid-1")], [undefined, "vm-9"]);
  inventory.apply({ type: "Gone", vmId: "vm-9" });
  assertEquals(freed, ["web", "renamed"]);
});

Deno.test("a mark that moved to another machine is not lost with the first", () => {
  const inventory = listed(machine());
  inventory.apply({ type: "Present", vm: machine({ id: "vm-2" }) });
  inventory.apply({ type: "Gone", vmId: "vm-1" });
  const view = inventory.view({ ownerUid: "uid-1" });
  assertEquals(view.type === "Present" ? view.vm.id : view.type, "vm-2");
});

Deno.test("of two machines that carry the mark, the one that was there first is meant, and the copy's end loses neither", () => {
  const inventory = listed(machine());
  const found = () => {
    const view = inventory.view({ ownerUid: "uid-1" });
    return view.type === "Present" ? view.vm.id : view.type;
  };
  inventory.apply({ type: "Present", vm: machine({ id: "vm-2", name: "copy" }) });
  assertEquals(found(), "vm-1");
  inventory.apply({ type: "Present", vm: machine({ power: "Off" }) });
  assertEquals(found(), "vm-1");
  inventory.apply({ type: "Gone", vmId: "vm-2" });
  assertEquals(found(), "vm-1");
});

Deno.test("of two machines that carry the mark, the one that is known by its id is meant, in whatever order they show", () => {
  for (const order of [["vm-1", "vm-2"], ["vm-2", "vm-1"]] as const) {
    const inventory = listed(...order.map((id) => machine({ id, name: id })));
    for (const vmId of order) {
      const view = inventory.view({ vmId, ownerUid: "uid-1" });
      assertEquals(view.type === "Present" ? view.vm.id : view.type, vmId);
    }
    inventory.apply({ type: "Gone", vmId: "vm-2" });
    assertEquals(inventory.view({ vmId: "vm-1", ownerUid: "uid-1" }).type, "Present");
  }
});
