/** The one list of cases that every control plane has to pass. @module */
import type { Case } from "../support/case.ts";
import { examples } from "./examples.ts";
import { input } from "./input.ts";
import { kills } from "./kills.ts";
import { lifecycle } from "./lifecycle.ts";
import { manners } from "./manners.ts";
import { silence } from "./silence.ts";

/** Cases for every world. */
export const everywhere: readonly Case[] = [...lifecycle, ...input, ...examples, ...manners];

/** Cases for worlds whose manager and control plane are processes of their own: they are started anew and killed. */
export const inProcesses: readonly Case[] = [...silence, ...kills];
