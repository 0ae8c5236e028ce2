import { badInputs } from "./bad_input.ts";
import { checkerFor } from "./checker.ts";
import { kinds } from "@virtrigaud/api";
let t = performance.now();
const b = badInputs();
console.log(b.length, performance.now() - t);
for (const k of kinds) {
  t = performance.now();
  const c = checkerFor(k);
  console.log(k.kind, "compile", performance.now() - t);
  for (const x of b.filter((b) => b.kind === k.kind)) {
    const u = performance.now();
    c(x.manifest);
    if (performance.now() - u > 200) console.log("slow", x.name, performance.now() - u);
  }
  console.log(performance.now() - t);
}
