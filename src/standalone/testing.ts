/** Helpers for tests that need a Kubernetes API: a control plane in memory and a plain client for it. @module */
import type { JsonObject } from "./storage/mod.ts";
import { type ControlPlane, type ControlPlaneOptions, type CustomKind, Faults, startControlPlane } from "./mod.ts";

/** A kind that has everything a kind can have, and nothing of the product in it. */
export const WIDGET: CustomKind = {
  group: "example.com",
  version: "v1",
  kind: "Widget",
  listKind: "WidgetList",
  plural: "widgets",
  singular: "widget",
  shortNames: ["wd"],
  categories: ["things"],
  namespaced: true,
  schema: {
    type: "object",
    description: "A thing for tests.",
    required: ["spec"],
    properties: {
      spec: {
        type: "object",
        description: "What is wanted.",
        required: ["size"],
        properties: {
          size: { type: "integer", minimum: 1, maximum: 100, description: "How large, in units." },
          color: { type: "string", enum: ["red", "green"], default: "green", description: "What it looks like." },
          replicas: { type: "integer", default: 1, description: "How many." },
          parts: {
            type: "array",
            description: "What it is made of.",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
            items: {
              type: "object",
              required: ["name"],
              properties: { name: { type: "string" }, count: { type: "integer" } },
            },
          },
        },
      },
      status: {
        type: "object",
        description: "What is.",
        properties: {
          phase: { type: "string" },
          replicas: { type: "integer" },
          selector: { type: "string" },
          conditions: {
            type: "array",
            items: { type: "object", properties: { type: { type: "string" }, status: { type: "string" } } },
          },
        },
      },
    },
  },
  printerColumns: [
    { name: "Size", type: "integer", jsonPath: ".spec.size" },
    { name: "Ready", type: "string", jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
    { name: "Color", type: "string", jsonPath: ".spec.color", priority: 1 },
    { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" },
  ],
  subresources: {
    status: true,
    scale: {
      specReplicasPath: ".spec.replicas",
      statusReplicasPath: ".status.replicas",
      labelSelectorPath: ".status.selector",
    },
  },
};

/** Path of the widgets in namespace `default`. */
export const WIDGETS = "/apis/example.com/v1/namespaces/default/widgets";

/** A Widget manifest. */
export function widget(name: string, spec: JsonObject = {}, metadata: JsonObject = {}): JsonObject {
  return { apiVersion: "example.com/v1", kind: "Widget", metadata: { name, ...metadata }, spec: { size: 1, ...spec } };
}

/** An answer, read. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // deno-lint-ignore no-explicit-any -- tests look into answers of every shape; assertions are their types
  readonly body: any;
}

/** One line of a watch. */
export interface WatchLine {
  readonly type: string;
  readonly object: JsonObject;
}

/** Where a control plane answers, and to whom. */
export type PlaneAddress = Pick<ControlPlane, "url" | "caPem" | "tokens">;

/** A plain client, with one connection pool that {@linkcode TestClient.close} gives back. */
export class TestClient implements Disposable {
  readonly #http: Deno.HttpClient;
  readonly #plane: PlaneAddress;
  readonly #headers: Record<string, string>;

  constructor(plane: PlaneAddress, options: { readonly user?: string; readonly http2?: boolean } = {}) {
    this.#plane = plane;
    this.#http = Deno.createHttpClient({
      caCerts: [plane.caPem],
      http1: options.http2 !== true,
      http2: options.http2 ?? true,
    });
    const token = plane.tokens.find(({ name }) => name === (options.user ?? "admin"))?.token ?? "";
    this.#headers = { authorization: `Bearer ${token}`, "user-agent": "test/1.0" };
  }

  /** Sends a request as it is. */
  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(this.#headers);
    new Headers(init.headers).forEach((value, name) => headers.set(name, value));
    const options: RequestInit & { client: Deno.HttpClient } = { ...init, headers, client: this.#http };
    return fetch(`${this.#plane.url}${path}`, options);
  }

  async request(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const init: RequestInit = body === undefined
      ? { method, headers }
      : { method, body: JSON.stringify(body), headers: { "content-type": "application/json", ...headers } };
    const response = await this.fetch(path, init);
    const text = await response.text();
    const json = response.headers.get("content-type")?.startsWith("application/json") === true;
    return { status: response.status, headers: response.headers, body: json ? JSON.parse(text) : text };
  }

  get(path: string, headers?: Record<string, string>): Promise<Answer> {
    return this.request("GET", path, undefined, headers);
  }
  post(path: string, body: unknown): Promise<Answer> {
    return this.request("POST", path, body);
  }
  put(path: string, body: unknown): Promise<Answer> {
    return this.request("PUT", path, body);
  }
  /** `type` is `json`, `merge`, `strategic` or `apply`. */
  patch(path: string, type: "json" | "merge" | "strategic" | "apply", body: unknown): Promise<Answer> {
    const media = {
      json: "application/json-patch+json",
      merge: "application/merge-patch+json",
      strategic: "application/strategic-merge-patch+json",
      apply: "application/apply-patch+yaml",
    };
    return this.request("PATCH", path, body, { "content-type": media[type] });
  }
  delete(path: string, body?: unknown): Promise<Answer> {
    return this.request("DELETE", path, body);
  }

  /** Opens a watch; the lines end when the server ends it. Leave the loop early or call `return` to hang up. */
  async *watch(path: string, headers: Record<string, string> = {}): AsyncGenerator<WatchLine, void> {
    const response = await this.fetch(path, { headers });
    let rest = "";
    for await (const text of (response.body ?? new Blob([]).stream()).pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) yield JSON.parse(line);
    }
    if (rest !== "") throw new SyntaxError(`the watch ended inside a line: ${rest}`);
  }

  close(): void {
    this.#http.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** A control plane in memory, its faults, and a client for `admin`. */
export interface TestPlane extends AsyncDisposable {
  readonly plane: ControlPlane;
  readonly faults: Faults;
  readonly client: TestClient;
}

/** Starts one; it serves {@linkcode WIDGET} unless other kinds are given. `await using` stops it. */
export async function startTestPlane(
  options: Partial<ControlPlaneOptions> & { readonly http2?: boolean } = {},
): Promise<TestPlane> {
  const faults = options.faults ?? new Faults();
  const plane = await startControlPlane({ dataDir: ":memory:", kinds: [WIDGET], ...options, faults });
  const client = new TestClient(plane, options.http2 === undefined ? {} : { http2: options.http2 });
  return {
    plane,
    faults,
    client,
    async [Symbol.asyncDispose]() {
      client.close();
      await plane.close();
    },
  };
}
