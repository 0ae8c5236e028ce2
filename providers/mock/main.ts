/** The mock provider as a process. @module */
import { runProvider } from "@virtrigaud/contract/server/mod.ts";
import { processConfig } from "./config.ts";
import { startMock } from "./start.ts";
import { MOCK_VERSION } from "./provider.ts";

if (import.meta.main) {
  await runProvider({
    name: "provider-mock",
    version: MOCK_VERSION,
    create: ({ endpoint, clock, log }) => startMock(processConfig(endpoint), { clock, log }),
  });
}
