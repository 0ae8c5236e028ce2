import { assertEquals, assertStringIncludes } from "@virtrigaud/deps";
import { errorCode, LibvirtError } from "./errors.ts";

const held = (by: string) =>
  new LibvirtError(errorCode.operationTimeout, `start domain "a": cannot acquire state change lock (held by ${by})`);

Deno.test("a lock that a job holds passes, one that libvirtd took when it started does not, and it is said what helps", () => {
  const passing = held("monitor=remoteDispatchDomainCreate");
  assertEquals([passing.class, passing.reason], ["Retryable", "Locked"]);
  for (const holder of ["monitor=init-a", "agent=init-a", "init-a"]) {
    const lost = held(holder);
    assertEquals([lost.class, lost.reason], ["Conflict", "JobLost"], holder);
    assertStringIncludes(lost.message, "restart libvirtd on the host");
  }
});
