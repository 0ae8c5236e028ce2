/** All conformance cases, in the order in which a provider is usually written. @module */
import type { ConformanceCase } from "../case.ts";
import { capabilityCases } from "./capabilities.ts";
import { cloneCases } from "./clones.ts";
import { createCases } from "./create.ts";
import { deleteCases } from "./delete.ts";
import { describeCases } from "./describe.ts";
import { deviceCases } from "./devices.ts";
import { guestCases } from "./guest.ts";
import { inputCases } from "./input.ts";
import { operationCases } from "./operations.ts";
import { powerCases } from "./power.ts";
import { reconfigureCases } from "./reconfigure.ts";
import { snapshotCases } from "./snapshots.ts";
import { transferCases } from "./transfers.ts";
import { watchCases } from "./watch.ts";

/** Every case of the suite. */
export function conformanceCases(): readonly ConformanceCase[] {
  return [
    ...capabilityCases,
    ...createCases,
    ...describeCases,
    ...powerCases,
    ...deleteCases,
    ...operationCases,
    ...inputCases,
    ...reconfigureCases,
    ...deviceCases,
    ...watchCases,
    ...guestCases,
    ...snapshotCases,
    ...cloneCases,
    ...transferCases,
  ];
}
