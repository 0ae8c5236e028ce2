import { assertEquals } from "@virtrigaud/deps";
import { Inventory } from "./inventory.ts";

const task = { id: "task-1" };
const state = (inventory: Inventory) => inventory.task(task.id)?.status.state;

function listed(): Inventory {
  const inventory = new Inventory(() => 0);
  inventory.apply({ type: "ListBegin" });
  inventory.apply({ type: "ListEnd" });
  return inventory;
}

Deno.test("an answer about a task that its end overtook does not set it running again", () => {
  const inventory = listed();
  inventory.startTask(task, inventory.session);
  assertEquals(state(inventory), "Running");
  inventory.apply({ type: "Task", status: { task, state: "Succeeded" } });
  inventory.learnTask({ task, state: "Running" });
  inventory.startTask(task, inventory.session);
  assertEquals(state(inventory), "Succeeded");
});

Deno.test("a task that is started while the stream is broken has to be asked about", () => {
  const inventory = listed();
  inventory.lose("broken");
  inventory.startTask(task, inventory.session);
  assertEquals(state(inventory), undefined);
});

Deno.test("a task of a call during which the stream broke has to be asked about: it may have ended unheard", () => {
  for (const broken of [(inventory: Inventory) => inventory.lose("the provider died after the call"), () => {}]) {
    const inventory = listed();
    const { session } = inventory;
    broken(inventory);
    inventory.apply({ type: "ListBegin" });
    inventory.apply({ type: "ListEnd" });
    inventory.startTask(task, session);
    assertEquals(state(inventory), undefined);
    inventory.startTask(task, inventory.session);
    assertEquals(state(inventory), "Running");
  }
});

Deno.test("what was known of tasks before a new list is asked anew: their ends may have been missed", () => {
  const inventory = listed();
  inventory.lose("broken");
  inventory.learnTask({ task, state: "Running" });
  inventory.apply({ type: "ListBegin" });
  inventory.apply({ type: "ListEnd" });
  assertEquals(state(inventory), undefined);
});
