/** Names of the volumes of a fetched image. @module */

const PREFIX = "virtrigaud-image-";

/** The image itself. */
export const imageVolume = (key: string): string => `${PREFIX}${key}.qcow2`;
/** What has come of it while it is fetched. */
export const partVolume = (key: string): string => `${PREFIX}${key}.part`;
/** An empty one, written anew when the image is used. */
export const usedVolume = (key: string): string => `${PREFIX}${key}.used`;

/** Key of the image that any of these volumes belongs to. */
export const keyOfAny = (name: string): string | undefined =>
  name.startsWith(PREFIX) ? name.slice(PREFIX.length).split(".")[0] : undefined;
/** Key of a volume that an image was fetched into. */
export const keyOfVolume = (name: string): string | undefined => name.endsWith(".qcow2") ? keyOfAny(name) : undefined;
