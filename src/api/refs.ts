/** References to other objects. @module */
import { type Static } from "@virtrigaud/deps";
import { object, string } from "./schema.ts";

/** Lower-case letters, digits and inner dashes, and dots between such labels. */
export const NAME_PATTERN = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
/** Lower-case letters, digits and inner dashes. */
export const LABEL_PATTERN = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$";

const objectName = string("Name of the object.", { maxLength: 253, pattern: NAME_PATTERN });

/** A reference that may cross namespaces. */
export const objectRef = (description: string) =>
  object(description, { name: objectName }, {
    namespace: string("Namespace of the object; that of the referring object when absent.", {
      maxLength: 63,
      pattern: LABEL_PATTERN,
    }),
  });
/** A value of {@linkcode objectRef}. */
export type ObjectRef = Static<ReturnType<typeof objectRef>>;

/** A reference within the namespace of the referring object. */
export const localObjectRef = (description: string) => object(description, { name: objectName }, {});
/** A value of {@linkcode localObjectRef}. */
export type LocalObjectRef = Static<ReturnType<typeof localObjectRef>>;
