/** All kinds of the API group, in the order in which a reader meets them. @module */
import { type KindDefinition } from "./definition.ts";
import { provider } from "./provider.ts";
import { virtualMachine } from "./virtual_machine.ts";
import { vmClass } from "./vm_class.ts";
import { vmImage } from "./vm_image.ts";
import { vmNetworkAttachment } from "./vm_network_attachment.ts";

export const kinds: readonly KindDefinition[] = [virtualMachine, provider, vmClass, vmImage, vmNetworkAttachment];
