/** The real kubectl, as a user types it. @module */
import { findKubectl } from "../../rigs/kubernetes/mod.ts";
import { searchPath } from "../../rigs/config.ts";

/** How a command ended. */
export interface KubectlResult {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A Kubernetes object as kubectl prints it; tests assert on what they look for. */
export interface Printed {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid: string;
    readonly generation?: number;
    readonly resourceVersion: string;
    readonly deletionTimestamp?: string;
    readonly finalizers?: readonly string[];
    readonly ownerReferences?: readonly {
      readonly kind: string;
      readonly name: string;
      readonly uid: string;
      readonly controller?: boolean;
      readonly blockOwnerDeletion?: boolean;
    }[];
    readonly annotations?: Readonly<Record<string, string>>;
  };
  // deno-lint-ignore no-explicit-any -- kinds of every shape; assertions are their types
  readonly spec?: any;
  /** Of an Event. */
  readonly involvedObject?: { readonly kind: string; readonly name: string };
  // deno-lint-ignore no-explicit-any -- kinds of every shape; assertions are their types
  readonly status?: any;
}

/** A kubectl that goes on printing. */
export interface Following extends AsyncDisposable {
  /** What it printed so far. */
  readonly text: string;
}

/** kubectl with one kubeconfig and one default namespace. */
export class Kubectl {
  readonly #base: readonly string[];
  readonly #folder: string;
  readonly #kubeconfig: string;

  /** @param folder for its discovery cache */
  constructor(kubeconfig: string, folder: string, namespace = "default") {
    this.#kubeconfig = kubeconfig;
    this.#folder = folder;
    this.#base = [`--kubeconfig=${kubeconfig}`, `--cache-dir=${folder}/kubectl-cache`, `--namespace=${namespace}`];
  }

  /** The same in another namespace. */
  in(namespace: string): Kubectl {
    return new Kubectl(this.#kubeconfig, this.#folder, namespace);
  }

  /** Runs it; objects as `input` go to its standard input, one document each. */
  async run(args: readonly string[], input?: readonly unknown[] | string): Promise<KubectlResult> {
    const child = this.#spawn(args, input !== undefined);
    if (input !== undefined) {
      const text = typeof input === "string" ? input : input.map((object) => JSON.stringify(object)).join("\n");
      const writer = child.stdin.getWriter();
      await writer.write(new TextEncoder().encode(text));
      await writer.close();
    }
    const { code, stdout, stderr } = await child.output();
    return { code, out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
  }

  /** Like {@linkcode run}, with success expected. */
  async ok(args: readonly string[], input?: readonly unknown[] | string): Promise<string> {
    const { code, out, err } = await this.run(args, input);
    if (code !== 0) throw new Error(`kubectl ${args.join(" ")} ended with code ${code}: ${err || out}`);
    return out;
  }

  apply(...objects: readonly unknown[]): Promise<string> {
    return this.ok(["apply", "-f", "-"], objects);
  }

  /** One object; `undefined` when there is none. */
  async find(kind: string, name: string): Promise<Printed | undefined> {
    const out = await this.ok(["get", kind, name, "--ignore-not-found", "-o", "json"]);
    return out === "" ? undefined : JSON.parse(out);
  }

  /** One object that has to be there. */
  async get(kind: string, name: string): Promise<Printed> {
    return JSON.parse(await this.ok(["get", kind, name, "-o", "json"]));
  }

  async list(kind: string): Promise<readonly Printed[]> {
    return JSON.parse(await this.ok(["get", kind, "-o", "json"])).items;
  }

  /** A merge patch. */
  patch(kind: string, name: string, body: unknown): Promise<string> {
    return this.ok(["patch", kind, name, "--type=merge", "-p", JSON.stringify(body)]);
  }

  /** Starts a command that goes on, such as `get -w`. */
  follow(args: readonly string[]): Following {
    const child = this.#spawn(args, false);
    let text = "";
    const reading = Promise.all([child.stdout, child.stderr].map(async (stream) => {
      for await (const chunk of stream.pipeThrough(new TextDecoderStream())) text += chunk;
    }));
    return {
      get text() {
        return text;
      },
      async [Symbol.asyncDispose]() {
        try {
          child.kill("SIGKILL");
        } catch {
          // It has ended by itself.
        }
        await child.status;
        await reading;
      },
    };
  }

  #spawn(args: readonly string[], piped: boolean): Deno.ChildProcess {
    const binary = findKubectl();
    if (binary === undefined) throw new Error("kubectl is missing: run deno task setup");
    return new Deno.Command(binary, {
      args: [...this.#base, ...args],
      clearEnv: true,
      env: { PATH: searchPath().join(":"), HOME: this.#folder, LC_ALL: "C" },
      stdin: piped ? "piped" : "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  }
}
