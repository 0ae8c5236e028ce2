/** A provider program with nothing behind it, for tests of the process around a provider. @module */
import { runProvider } from "../server/mod.ts";
import { scriptedProvider } from "./fixture.ts";

if (import.meta.main) {
  await runProvider({
    name: "provider-test",
    version: "1.2.3",
    create: ({ endpoint, log, version }) => {
      if (endpoint === "rejects") setTimeout(() => void Promise.reject(new Error("password=hunter2")), 0);
      log.info("created", { endpoint });
      return scriptedProvider({ validate: () => Promise.resolve({ hypervisor: endpoint, version }) });
    },
  });
}
