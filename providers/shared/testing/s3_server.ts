/** An S3 store in memory that checks signatures by itself, and fails as it is told. @module */
import { createHash, createHmac } from "node:crypto";
import { Buffer } from "node:buffer";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

/** The one account of the store. */
export const S3_ACCOUNT = { accessKeyID: "rig", secretAccessKey: "rig-secret" } as const;

/** What a test does to a request: a status to answer, `cut` to hang up in the middle, or nothing. */
export type Fault = (request: { readonly method: string; readonly url: URL }) => number | "cut" | undefined;

/** The store: objects by `bucket/key`. */
export class S3Server implements AsyncDisposable {
  readonly objects = new Map<string, Uint8Array>();
  /** Uploads in parts that were begun and neither completed nor given up. */
  readonly uploads = new Map<string, Map<number, Uint8Array>>();
  readonly requests: string[] = [];
  fault: Fault = () => undefined;
  readonly #server = createServer((request, response) => void this.#answer(request, response));
  #port = 0;

  static async start(): Promise<S3Server> {
    const server = new S3Server();
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    const address = server.#server.address();
    server.#port = typeof address === "object" && address !== null ? address.port : 0;
    return server;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Uint8Array[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk);
    } catch {
      // Who asked has hung up in the middle of the request, and nobody is left to answer.
      return;
    }
    const body = new Uint8Array(await new Blob(chunks.map((chunk) => chunk.slice())).arrayBuffer());
    const url = new URL(request.url ?? "/", this.endpoint);
    const method = request.method ?? "GET";
    this.requests.push(`${method} ${url.pathname}${url.search.replace(/uploadId=[^&]*/, "uploadId=")}`);
    const fault = this.fault({ method, url });
    if (typeof fault === "number") return void response.writeHead(fault).end();
    if (!isSigned(request, url, body)) {
      return void response.writeHead(403).end("<Error><Code>SignatureDoesNotMatch</Code></Error>");
    }
    this.#serve({ method, url, body, request, response, cut: fault === "cut" });
  }

  #serve(call: {
    readonly method: string;
    readonly url: URL;
    readonly body: Uint8Array;
    readonly request: IncomingMessage;
    readonly response: ServerResponse;
    readonly cut: boolean;
  }): void {
    const { method, url, body, request, response } = call;
    const key = decodeURIComponent(url.pathname.slice(1));
    const uploadId = url.searchParams.get("uploadId");
    const parts = uploadId === null ? undefined : this.uploads.get(uploadId);
    const etag = `"${createHash("md5").update(body).digest("hex")}"`;
    if (method === "POST" && url.searchParams.has("uploads")) {
      const id = crypto.randomUUID();
      this.uploads.set(id, new Map());
      const xml =
        `<?xml version="1.0"?><InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`;
      return void response.writeHead(200).end(xml);
    }
    if (uploadId !== null && parts === undefined) return void response.writeHead(404).end();
    if (uploadId !== null && parts !== undefined) {
      if (method === "PUT") parts.set(Number(url.searchParams.get("partNumber")), body);
      else this.uploads.delete(uploadId);
      if (method === "POST") {
        const whole = [...parts].sort(([a], [b]) => a - b).map(([, part]) => part);
        this.objects.set(key, Buffer.concat(whole));
      }
      return void response.writeHead(200, { etag }).end();
    }
    if (method === "PUT") {
      this.objects.set(key, body);
      return void response.writeHead(200, { etag }).end();
    }
    const object = this.objects.get(key);
    if (object === undefined) {
      return void response.writeHead(404).end("<Error><Code>NoSuchKey</Code><Message>none</Message></Error>");
    }
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
    const content = object.subarray(from);
    response.writeHead(from > 0 ? 206 : 200, { etag: '"same"', "content-length": content.byteLength });
    if (!call.cut) return void response.end(content);
    response.write(content.subarray(0, Math.ceil(content.byteLength / 2)), () => response.destroy());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

/** AWS Signature Version 4, written from its specification and not from the client's library. */
function isSigned(request: IncomingMessage, url: URL, body: Uint8Array): boolean {
  const match =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/
      .exec(request.headers.authorization ?? "");
  const [, account, date = "", region = "", names = "", signature] = match ?? [];
  if (account !== S3_ACCOUNT.accessKeyID) return false;
  const bodyHash = createHash("sha256").update(body).digest("hex");
  if (request.headers["x-amz-content-sha256"] !== bodyHash) return false;
  const headers = names.split(";").map((name) => `${name}:${String(request.headers[name] ?? "").trim()}\n`).join("");
  const encode = (text: string) =>
    encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
  const query = [...url.searchParams].sort().map(([name, value]) => `${encode(name)}=${encode(value)}`).join("&");
  const path = url.pathname.split("/").map((part) => encode(decodeURIComponent(part))).join("/");
  const canonical = [request.method, path, query, headers, names, bodyHash].join("\n");
  const scope = `${date}/${region}/s3/aws4_request`;
  const digest = createHash("sha256").update(canonical).digest("hex");
  const text = ["AWS4-HMAC-SHA256", request.headers["x-amz-date"], scope, digest].join("\n");
  const hmac = (key: string | Uint8Array, value: string) => createHmac("sha256", key).update(value).digest();
  const key = [region, "s3", "aws4_request"].reduce(hmac, hmac(`AWS4${S3_ACCOUNT.secretAccessKey}`, date));
  return createHmac("sha256", key).update(text).digest("hex") === signature;
}
