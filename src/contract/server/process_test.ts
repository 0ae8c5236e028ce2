import { assertEquals, assertStringIncludes } from "@virtrigaud/deps";
import { connectProvider } from "../client/mod.ts";
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
  assertEquals([version.code, version.stdout], [0, "provider-test 1.2.3"]);
  assertEquals(arguments_.code, 2);
  assertStringIncludes(arguments_.stderr, "--port");
  assertEquals(environment.code, 2);
  for (const name of ["LOG_LEVEL", "TLS_ENABLED"]) assertStringIncludes(environment.stderr, name);
  assertEquals(bare.code, 1);
  assertStringIncludes(bare.stderr, "VIRTRIGAUD_PROVIDER_INSECURE=true");
});

Deno.test("a provider process serves until SIGTERM and then ends with 0", async () => {
  const env = { VIRTRIGAUD_PROVIDER_INSECURE: "true", PROVIDER_ENDPOINT: "test:///default" };
  const child = program(["--port=0", "--health-port=0"], env).spawn();
  const stdout = child.stdout.cancel();
  let log = "";
  const serving = Promise.withResolvers<number>();
  const reading = (async () => {
    for await (const chunk of child.stderr.pipeThrough(new TextDecoderStream())) {
      log += chunk;
      const port = /"message":"serving".*"port":(\d+)/.exec(log)?.[1];
      if (port !== undefined) serving.resolve(Number(port));
    }
    serving.reject(new Error(`never served: ${log}`));
  })();
  const connection = connectProvider({ address: `127.0.0.1:${await serving.promise}`, tls: { plaintext: true } });
  assertEquals(await connection.provider.validate(callContext()), { hypervisor: "test:///default", version: "1.2.3" });
  child.kill("SIGTERM");
  const { code } = await child.status;
  connection.close();
  await Promise.all([reading, stdout]);
  assertEquals(code, 0);
  for (const message of ["plaintext", "asked to stop", "stopped"]) assertStringIncludes(log, message);
});

Deno.test("a promise that nobody listens to ends the process through the log, without showing secrets", async () => {
  const env = { VIRTRIGAUD_PROVIDER_INSECURE: "true", PROVIDER_ENDPOINT: "rejects" };
  const { code, stderr } = await ended(["--port=0", "--health-port=0"], env);
  assertEquals([code, stderr.includes("hunter2")], [1, false]);
  assertStringIncludes(stderr, "nobody listened");
});
