/** Guest initialisation data. @module */
import { type Static } from "@virtrigaud/deps";
import { localObjectRef } from "./refs.ts";
import { object, string } from "./schema.ts";

const inlineOrSecret = (description: string, what: string, keys: string) =>
  object(description, {}, {
    inline: string(`Plain text: ${what}. Visible to everyone who may read the object: use secretRef for secrets.`),
    secretRef: localObjectRef(
      `Secret in the namespace of the object that holds the ${what}, under the first key that it has of ${keys}.`,
    ),
  });

/** Schema of {@linkcode UserData}. */
export const UserData = object("What the guest runs on its first boot; cloudInit or ignition.", {}, {
  cloudInit: inlineOrSecret(
    "User-data for cloud-init. Both inline and secretRef: the guest gets both, as one MIME multi-part document.",
    "cloud-init user-data",
    "userdata, user-data, cloud-init and cloud-config",
  ),
  ignition: inlineOrSecret(
    "Configuration for Ignition (Fedora CoreOS, Flatcar).",
    "Ignition configuration",
    "ignition, config, userdata and user-data",
  ),
});
/** What the guest runs on its first boot; cloudInit or ignition. */
export type UserData = Static<typeof UserData>;

/** Schema of {@linkcode MetaData}. */
export const MetaData = object("Instance metadata for cloud-init.", {}, {
  cloudInit: inlineOrSecret(
    "Metadata for cloud-init, as YAML; it adds to what the provider fills in.",
    "cloud-init metadata",
    "metadata, meta-data and meta_data",
  ),
});
/** Instance metadata for cloud-init. */
export type MetaData = Static<typeof MetaData>;
