/**
 * A program that stands in for a provider: ready on its health port, and telling there what it was started with.
 * `GET /exit` ends it with code 3.
 */
const option = (name: string): string => Deno.args.find((arg) => arg.startsWith(`--${name}=`))?.split("=")[1] ?? "";

const folder = Deno.env.get("VIRTRIGAUD_CREDENTIALS_DIR");
const server = Deno.serve(
  { hostname: "127.0.0.1", port: Number(option("health-port")), onListen: () => {} },
  (request) => {
    switch (new URL(request.url).pathname) {
      case "/exit":
        return Deno.exit(3);
      case "/state":
        return Response.json({
          port: option("port"),
          env: Deno.env.toObject(),
          folders: [...Deno.readDirSync(".")].map(({ name }) => name).toSorted(),
          password: folder === undefined ? null : Deno.readTextFileSync(`${folder}/password`),
        });
      default:
        return new Response("ok");
    }
  },
);
console.log("tiny provider is up");
Deno.addSignalListener("SIGTERM", () => void server.shutdown().then(() => Deno.exit(0)));
