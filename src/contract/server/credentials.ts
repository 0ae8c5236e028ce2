/** The hypervisor's credentials as files, one per key: what a Secret mounted into the pod looks like. @module */
import { Secret } from "@virtrigaud/telemetry";
import { ProviderError } from "../errors.ts";
import { type FolderOptions, watchFolder } from "./folder.ts";

/** Credentials that may change while the provider runs. */
export interface CredentialStore {
  /** Value of `key`, without the line end that editors add; `undefined` if there is no such file. */
  get(key: string): Secret<string> | undefined;
  /** As {@linkcode CredentialStore.get}, but `Unauthorized` naming the key where it is missing or empty. */
  require(key: string): Secret<string>;
  readonly keys: readonly string[];
  /** Called after each change; a provider then connects anew. */
  onChange(listener: () => void): void;
  /** Looks at the files now, without waiting for the next time. */
  refresh(): Promise<void>;
  close(): void;
}

/** Reads the files of `folder`. A folder that is missing is one without keys: some endpoints need no credentials. */
export async function openCredentials(folder: string, options: FolderOptions = {}): Promise<CredentialStore> {
  const watch = await watchFolder(folder, options);
  const get = (key: string): Secret<string> | undefined => {
    const value = watch.contents.get(key);
    return value === undefined ? undefined : new Secret(value.replace(/\r?\n$/, ""));
  };
  return {
    get,
    require(key) {
      const value = get(key);
      if (value !== undefined && value.reveal() !== "") return value;
      throw new ProviderError(
        "Unauthorized",
        `credential "${key}" is missing; the Secret that credentialSecretRef names has to hold a key "${key}"`,
        { reason: "CredentialMissing", field: key },
      );
    },
    get keys() {
      return [...watch.contents.keys()];
    },
    onChange: (listener) => watch.onChange(() => listener()),
    refresh: () => watch.refresh(),
    close: () => watch.close(),
  };
}
