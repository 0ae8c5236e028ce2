/** Where disk content is exchanged, opened by its kind. @module */
import { ProviderError, type TransferTarget } from "@virtrigaud/contract";
import type { Clock } from "@virtrigaud/resilience";
import type { HttpBody } from "../http/request.ts";
import { claimStore } from "./claim.ts";
import { s3Store } from "./s3.ts";

/** One object of a store. */
export interface TransferStore {
  /** Its content. Ends with an error when it is cut off. */
  read(): Promise<HttpBody>;
  /** Puts `content` there, in place of whatever was; until all of it is written there is nothing new to be seen. */
  write(content: AsyncIterable<Uint8Array>, size: { readonly expectedBytes: number | undefined }): Promise<void>;
}

/** Settings of {@linkcode transferStore}. */
export interface TransferOptions {
  readonly clock: Clock;
  /** Folder under which claims are mounted, each by its name. */
  readonly claims: string;
  /** Field that errors name: `source` or `target`. */
  readonly field: string;
  readonly signal: AbortSignal;
}

/** Kinds of stores that are understood. */
export const BACKENDS = ["pvc", "s3"] as const;

const URL_MAX = 2048;

/**
 * The object that `target` names. Nothing is asked yet.
 * @throws {ProviderError} `NotSupported` for a kind that cannot be reached, `InvalidSpec` for an address that is none.
 */
export function transferStore(target: TransferTarget, options: TransferOptions): TransferStore {
  const { backend, url } = target;
  const { field } = options;
  if (backend === "nfs") {
    throw new ProviderError(
      "NotSupported",
      "an NFS export cannot be mounted by a process without privileges: mount it as a claim and use backend pvc",
      { field: `${field}.backend` },
    );
  }
  const parsed = url.length <= URL_MAX && URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol !== `${backend}:` || parsed.hostname === "" || parsed.search !== "" || parsed.hash !== "") {
    throw new ProviderError("InvalidSpec", `the address of a ${backend} store is ${backend}://NAME/PATH`, {
      field: `${field}.url`,
    });
  }
  const segments = parsed.pathname.split("/").slice(1).map((segment) => decode(segment, field));
  if (
    segments.length === 0 || segments.some((segment) => ["", ".", ".."].includes(segment) || /[\0/\\]/.test(segment))
  ) {
    throw new ProviderError("InvalidSpec", "the path in the store is missing, or has an empty or a relative part", {
      field: `${field}.url`,
    });
  }
  const address = { name: parsed.hostname, segments };
  return backend === "pvc" ? claimStore(address, options) : s3Store(target, address, options);
}

/** Where an object is: the claim or the bucket, and the way from there. */
export interface ObjectAddress {
  readonly name: string;
  readonly segments: readonly string[];
}

function decode(segment: string, field: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new ProviderError("InvalidSpec", "the path of the store is not encoded as a URL", { field: `${field}.url` });
  }
}
