import { assertEquals, assertStringIncludes } from "@virtrigaud/deps";
import { grpc } from "@virtrigaud/deps/grpc.ts";
import { connectProvider } from "../client/mod.ts";
import { serviceDefinition } from "../service.ts";
import { callContext } from "../testing/fixture.ts";

const MAIN = new URL("../testing/main.ts", import.meta.url).pathname;

function program(args: string[], env: Record<string, string> = {}) {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", MAIN, ...args],
    env: { VIRTRIGAUD_LISTEN_HOST: "127.0.0.1", VIRTRIGAUD_TLS_DIR: "/nonexistent", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

async function ended(args: string[], env: Record<string, string> = {}) {
  const { code, stdout, stderr } = await program(args, env).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

Deno.test("a provider process tells its version, and refuses what it cannot start with", async () => {
  const [version, arguments_, environment, bare] = await Promise.all([
    ended(["--version"]),
    ended(["--port=http"]),
    ended([], { LOG_LEVEL: "loud", TLS_ENABLED: "perhaps" }),
    ended(["--port=0", "--health-port=0"]),
  ]);
  assertEquals(version.code, 0);
  assertStringIncludes(version.stdout, "provider-test 1.2.3 (");
  assertEquals(arguments_.code, 2);
  assertStringIncludes(arguments_.stderr, "--port");
  assertEquals(environment.code, 2);
  for (const name of ["LOG_LEVEL", "TLS_ENABLED"]) assertStringIncludes(environment.stderr, name);
  assertEquals(bare.code, 1);
  assertStringIncludes(bare.stderr, "VIRTRIGAUD_PROVIDER_INSECURE=true");
});

/** A process that serves, its log so far, and how to end it. */
async function serving(env: Record<string, string>) {
  const child = program(["--port=0", "--health-port=0"], { VIRTRIGAUD_PROVIDER_INSECURE: "true", ...env }).spawn();
  const stdout = child.stdout.cancel();
  let log = "";
  const ready = Promise.withResolvers<number>();
  const reading = (async () => {
    for await (const chunk of child.stderr.pipeThrough(new TextDecoderStream())) {
      log += chunk;
      const port = /"message":"serving".*"port":(\d+)/.exec(log)?.[1];
      if (port !== undefined) ready.resolve(Number(port));
    }
    ready.reject(new Error(`never served: ${log}`));
  })();
  const port = await ready.promise;
  return {
    address: `127.0.0.1:${port}`,
    async stop() {
      child.kill("SIGTERM");
      const { code } = await child.status;
      await Promise.all([reading, stdout]);
      return { code, log };
    },
  };
}

Deno.test("a provider process serves until SIGTERM and then ends with 0", async () => {
  const child = await serving({ PROVIDER_ENDPOINT: "test:///default" });
  const connection = connectProvider({ address: child.address, tls: { plaintext: true } });
  assertEquals(await connection.provider.validate(callContext()), { hypervisor: "test:///default", version: "1.2.3" });
  const { code, log } = await child.stop();
  connection.close();
  assertEquals(code, 0);
  for (const message of ["plaintext", "asked to stop", "stopped"]) assertStringIncludes(log, message);
});

Deno.test("with tracing on, a call belongs to the trace that its metadata names", async () => {
  const child = await serving({
    PROVIDER_ENDPOINT: "trace",
    OTEL_DENO: "true",
    OTEL_EXPORTER_OTLP_PROTOCOL: "console",
  });
  const client = new grpc.Client(child.address, grpc.credentials.createInsecure());
  const { Validate } = serviceDefinition;
  if (Validate === undefined) throw new Error("no Validate");
  const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  const metadata = new grpc.Metadata();
  metadata.set("traceparent", `00-${trace}-00f067aa0ba902b7-01`);
  const { path, requestSerialize, responseDeserialize } = Validate;
  const answer = await new Promise<unknown>((resolve) =>
    client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      {},
      metadata,
      (error, value) => resolve(error ?? value),
    )
  );
  assertEquals(answer, { hypervisor: trace, version: "1.2.3" });
  client.close();
  await child.stop();
});

Deno.test("a promise that nobody listens to ends the process through the log, without showing secrets", async () => {
  const env = { VIRTRIGAUD_PROVIDER_INSECURE: "true", PROVIDER_ENDPOINT: "rejects" };
  const { code, stderr } = await ended(["--port=0", "--health-port=0"], env);
  assertEquals([code, stderr.includes("hunter2")], [1, false]);
  assertStringIncludes(stderr, "nobody listened");
});
