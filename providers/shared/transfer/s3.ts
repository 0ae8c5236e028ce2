/** Disk content as objects of an S3-compatible store. @module */
import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { ProviderError, type TransferTarget } from "@virtrigaud/contract";
import { retry } from "@virtrigaud/resilience";
import { AwsV4Signer } from "@virtrigaud/deps/s3.ts";
import { XMLBuilder, XMLParser } from "@virtrigaud/deps/xml.ts";
import { bodyOf, choose, failed, type HttpBody, type RequestOptions, send, shown } from "../http/request.ts";
import type { ObjectAddress, TransferOptions, TransferStore } from "./store.ts";

/** Parts of an upload: this large, or as large as it takes to stay below the store's limit of their number. */
const PART_BYTES = 16 * 1024 * 1024;
const PARTS_MAX = 9_000;
/** Where the size is not known beforehand, parts double after each so many. */
const PARTS_PER_SIZE = 1_000;
const ANSWER_MAX = 1024 * 1024;
/** A large object's parts are put together before the store answers. */
const IDLE_MS = 300_000;
/** A download that breaks off is taken up again where it broke, so often without a byte in between. */
const RESUMES_MAX = 5;

interface S3Request {
  readonly method: "GET" | "PUT" | "POST" | "DELETE";
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

/** The object at `address`; `target` has the way to the store and the key to it. */
export function s3Store(target: TransferTarget, address: ObjectAddress, options: TransferOptions): TransferStore {
  const object = new S3Object(target, address, options);
  // Cleaning up is for the very moment at which everything else has been called off.
  const cleaner = new S3Object(target, address, { ...options, signal: new AbortController().signal });
  return { read: () => read(object), write: (content, size) => write(object, cleaner, content, size.expectedBytes) };
}

/** Sends signed requests about one object. */
class S3Object {
  readonly options: RequestOptions;
  readonly #url: URL;
  readonly #key: { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken?: string };
  readonly #region: string;

  constructor(target: TransferTarget, { name, segments }: ObjectAddress, options: TransferOptions) {
    const { field } = options;
    this.options = { ...options, reason: "Store", idleMs: IDLE_MS };
    const { accessKeyID, secretAccessKey, sessionToken } = target.credentials.reveal();
    if (accessKeyID === undefined || secretAccessKey === undefined) {
      throw new ProviderError("Unauthorized", "the store's credentials need accessKeyID and secretAccessKey", {
        field: `${field}.credentials`,
      });
    }
    this.#key = {
      accessKeyId: accessKeyID,
      secretAccessKey,
      ...(sessionToken === undefined ? {} : { sessionToken }),
    };
    this.#region = target.options["region"] ?? "us-east-1";
    this.#url = objectUrl(target.options, this.#region, name, segments, field);
  }

  get shown(): string {
    return shown(this.#url);
  }

  /** The answer, which is a good one; others are errors. A refusal that passes is asked again. */
  async ask(request: S3Request): Promise<IncomingMessage> {
    return await retry(() => this.#once(request), {
      advise: (error) => ProviderError.is(error, "Retryable") && {},
      clock: this.options.clock,
      ...(this.options.signal === undefined ? {} : { signal: this.options.signal }),
    });
  }

  /** The answer's text, which is short. */
  async askText(request: S3Request): Promise<{ readonly text: string; readonly etag: string }> {
    return await retry(async () => {
      const response = await this.#once(request);
      const text = await textOf(response, this.#url, this.options);
      // Some answers begin as good ones and end as errors.
      if (/<Error>/.test(text)) throw this.#refusal(500, text);
      return { text, etag: response.headers.etag ?? "" };
    }, {
      advise: (error) => ProviderError.is(error, "Retryable") && {},
      clock: this.options.clock,
      ...(this.options.signal === undefined ? {} : { signal: this.options.signal }),
    });
  }

  body(response: IncomingMessage): HttpBody {
    return bodyOf(response, this.#url, this.options);
  }

  async #once({ method, query = {}, headers = {}, body }: S3Request): Promise<IncomingMessage> {
    const url = new URL(this.#url);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const signed = await new AwsV4Signer({
      method,
      url: url.href,
      service: "s3",
      region: this.#region,
      datetime: new Date(this.options.clock.now()).toISOString().replace(/[:-]|\.\d{3}/g, ""),
      headers: {
        ...headers,
        "x-amz-content-sha256": createHash("sha256").update(body ?? new Uint8Array(0)).digest("hex"),
      },
      ...this.#key,
    }).sign();
    const wanted = { method, headers: Object.fromEntries(signed.headers), ...(body === undefined ? {} : { body }) };
    const response = await send(signed.url, await choose(signed.url, false, this.options), wanted, this.options);
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) return response;
    throw this.#refusal(status, await textOf(response, this.#url, this.options).catch(() => ""));
  }

  #refusal(status: number, text: string): ProviderError {
    const { field } = this.options;
    const error = parsed(text)["Error"] ?? {};
    const said = [error["Code"], error["Message"]].filter((part) => part !== undefined).join(": ");
    const message = `the store answered ${status} for ${this.shown}${said === "" ? "" : ` (${said})`}`;
    if (status === 401 || status === 403) {
      return new ProviderError("Unauthorized", message, { field: `${field}.credentials` });
    }
    if (status === 404) {
      return new ProviderError("NotFound", message, { reason: "DependencyMissing", field: `${field}.url` });
    }
    if (status === 412) return new ProviderError("Conflict", `${message}: it changed while it was read`);
    return status >= 500 || status === 408 || status === 429
      ? new ProviderError("Retryable", message, { reason: "Store" })
      : new ProviderError("InvalidSpec", message, { field: `${field}.url` });
  }
}

function objectUrl(
  settings: Readonly<Record<string, string>>,
  region: string,
  bucket: string,
  segments: readonly string[],
  field: string,
): URL {
  const given = settings["endpoint"];
  const text = given === undefined
    ? `https://s3.${region}.amazonaws.com`
    : given.includes("://")
    ? given
    : `https://${given}`;
  const base = URL.canParse(text) ? new URL(text) : undefined;
  if (base === undefined || !["http:", "https:"].includes(base.protocol) || base.username !== "") {
    throw new ProviderError("InvalidSpec", "options.endpoint is not the address of a store", {
      field: `${field}.options`,
    });
  }
  const byPath = settings["usePathStyle"] === "true";
  if (!byPath) base.hostname = `${bucket}.${base.hostname}`;
  const key = (byPath ? [bucket, ...segments] : segments).map(encodeURIComponent).join("/");
  base.pathname = `${base.pathname.replace(/\/$/, "")}/${key}`;
  return base;
}

async function read(object: S3Object): Promise<HttpBody> {
  const response = await object.ask({ method: "GET" });
  const { bytes, chunks } = object.body(response);
  return { bytes, chunks: resumed(object, { bytes, chunks }, response.headers.etag) };
}

async function* resumed(object: S3Object, first: HttpBody, etag: string | undefined): AsyncGenerator<Uint8Array> {
  let received = 0;
  let attempts = 0;
  for (let body = first.chunks;;) {
    try {
      for await (const chunk of body) {
        received += chunk.byteLength;
        attempts = 0;
        yield chunk;
      }
      return;
    } catch (error) {
      if (etag === undefined || !ProviderError.is(error, "Retryable") || ++attempts > RESUMES_MAX) throw error;
      if (received === first.bytes) return;
    }
    const headers = { range: `bytes=${received}-`, "if-match": etag };
    const response = await object.ask({ method: "GET", headers });
    if (response.statusCode !== 206) {
      response.destroy();
      throw new ProviderError("Retryable", `${object.shown}: the store does not go on where it broke off`, {
        reason: "Store",
      });
    }
    body = object.body(response).chunks;
  }
}

async function write(
  object: S3Object,
  cleaner: S3Object,
  content: AsyncIterable<Uint8Array>,
  expectedBytes: number | undefined,
): Promise<void> {
  const parts = partsOf(content, expectedBytes);
  const first = await parts.next();
  const head = first.done ? new Uint8Array(0) : first.value;
  const second = first.done ? first : await parts.next();
  if (second.done) return void await object.askText({ method: "PUT", body: head });
  const begun = await object.askText({ method: "POST", query: { uploads: "" } });
  const uploadId = parsed(begun.text)["InitiateMultipartUploadResult"]?.["UploadId"];
  if (uploadId === undefined) {
    throw new ProviderError("Retryable", `${object.shown}: the store has begun no upload`, { reason: "Store" });
  }
  try {
    const etags: string[] = [];
    const put = async (body: Uint8Array): Promise<void> => {
      const query = { partNumber: String(etags.length + 1), uploadId };
      etags.push((await object.askText({ method: "PUT", query, body })).etag);
    };
    await put(head);
    await put(second.value);
    for await (const part of parts) await put(part);
    await object.askText({ method: "POST", query: { uploadId }, body: completion(etags) });
  } catch (error) {
    // What the store keeps of an unfinished upload costs money.
    await cleaner.askText({ method: "DELETE", query: { uploadId } }).catch(() => {});
    throw error;
  }
}

/** `content` in pieces that the store takes as parts; every one is a buffer of its own. */
async function* partsOf(
  content: AsyncIterable<Uint8Array>,
  expectedBytes: number | undefined,
): AsyncGenerator<Uint8Array, undefined> {
  const atLeast = Math.max(PART_BYTES, Math.ceil((expectedBytes ?? 0) / PARTS_MAX));
  const sizeOf = (index: number): number =>
    expectedBytes === undefined ? PART_BYTES * 2 ** Math.floor(index / PARTS_PER_SIZE) : atLeast;
  let index = 0;
  let part = new Uint8Array(sizeOf(index));
  let filled = 0;
  for await (const chunk of content) {
    for (let offset = 0; offset < chunk.byteLength;) {
      const piece = chunk.subarray(offset, offset + part.byteLength - filled);
      part.set(piece, filled);
      filled += piece.byteLength;
      offset += piece.byteLength;
      if (filled < part.byteLength) continue;
      yield part;
      part = new Uint8Array(sizeOf(++index));
      filled = 0;
    }
  }
  if (filled > 0) yield part.subarray(0, filled);
  return undefined;
}

function completion(etags: readonly string[]): Uint8Array {
  const Part = etags.map((ETag, index) => ({ PartNumber: index + 1, ETag }));
  return new TextEncoder().encode(new XMLBuilder().build({ CompleteMultipartUpload: { Part } }));
}

/** Two levels of an answer: that is all there is to read. Anything else is empty. */
function parsed(text: string): Readonly<Record<string, Readonly<Record<string, string>>>> {
  try {
    return new XMLParser({ parseTagValue: false, ignoreDeclaration: true }).parse(text);
  } catch {
    return {};
  }
}

async function textOf(response: IncomingMessage, url: URL, options: RequestOptions): Promise<string> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of bodyOf(response, url, options).chunks) {
    length += chunk.byteLength;
    if (length > ANSWER_MAX) throw failed(url, new Error(`an answer of more than ${ANSWER_MAX} bytes`), options);
    parts.push(chunk);
  }
  return new TextDecoder().decode(await new Blob(parts.map((part) => part.slice())).arrayBuffer());
}
