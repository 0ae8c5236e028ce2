import { assertEquals } from "@virtrigaud/deps";
import { TaskSlots } from "./task_slots.ts";

Deno.test("a provider has so many tasks in flight and no more; who waits is woken in turn, once for each free slot", () => {
  const woken: string[] = [];
  const slots = new TaskSlots(2, (key) => woken.push(key));
  const start = (key: string, provider = "p") => {
    const may = slots.mayStart(key, provider);
    if (may) slots.note(key, provider, true);
    return may;
  };
  assertEquals([start("a"), start("b"), start("c"), start("d"), start("c")], [true, true, false, false, false]);
  slots.note("a", "p", false);
  assertEquals(woken, ["c"]);
  assertEquals(start("c"), true);
  slots.note("b", "p", true);
  slots.note("b", "p", false);
  assertEquals(woken, ["c", "d"]);
});

Deno.test("tasks that hang on one provider take no slot from another", () => {
  const slots = new TaskSlots(1, () => {});
  slots.note("a", "sick", true);
  assertEquals([slots.mayStart("b", "sick"), slots.mayStart("c", "well")], [false, true]);
});

Deno.test("a holder may go on, an object that goes gives its slot and its place back", () => {
  const woken: string[] = [];
  const slots = new TaskSlots(1, (key) => woken.push(key));
  slots.note("a", "p", true);
  assertEquals(slots.mayStart("a", "p"), true);
  assertEquals([slots.mayStart("b", "p"), slots.mayStart("c", "p")], [false, false]);
  slots.forget("b");
  slots.forget("a");
  assertEquals(woken, ["c"]);
});

Deno.test("who is called and needs no slot after all passes the call on", () => {
  const woken: string[] = [];
  const slots = new TaskSlots(1, (key) => woken.push(key));
  slots.note("a", "p", true);
  assertEquals([slots.mayStart("b", "p"), slots.mayStart("c", "p")], [false, false]);
  slots.note("a", "p", false);
  assertEquals(woken, ["b"]);
  slots.note("b", "p", false);
  assertEquals(woken, ["b", "c"]);
});
