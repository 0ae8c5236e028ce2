/** `grpc.health.v1.Health`. Own code, because the npm package reads its .proto from disk, which a bundle does not have. @module */
import { grpc } from "@virtrigaud/deps/grpc.ts";
import { serviceDefinitionOf } from "../service.ts";

type Status = "SERVING" | "NOT_SERVING";

interface CheckRequest {
  readonly service?: string;
}

/** States of services by name; the empty name is the server. */
export class GrpcHealth {
  readonly #states = new Map<string, Status>();
  readonly #watchers = new Map<grpc.ServerWritableStream<CheckRequest, object>, string>();

  /** Watches beyond this number are refused. */
  static readonly MAX_WATCHES = 100;

  set(name: string, status: Status): void {
    this.#states.set(name, status);
    for (const [call, watched] of this.#watchers) if (watched === name) call.write({ status });
  }

  /** Ends all watches, which would keep a server from shutting down. */
  close(): void {
    for (const call of this.#watchers.keys()) call.end();
    this.#watchers.clear();
  }

  addTo(server: grpc.Server): void {
    server.addService(serviceDefinitionOf("grpc.health.v1.Health"), {
      Check: (call: grpc.ServerUnaryCall<CheckRequest, object>, callback: grpc.sendUnaryData<object>) => {
        const status = this.#states.get(call.request.service ?? "");
        if (status !== undefined) callback(null, { status });
        else callback({ code: grpc.status.NOT_FOUND, details: "no service of that name is known here" });
      },
      Watch: (call: grpc.ServerWritableStream<CheckRequest, object>) => {
        if (this.#watchers.size >= GrpcHealth.MAX_WATCHES) {
          return call.emit("error", { code: grpc.status.RESOURCE_EXHAUSTED, details: "too many health watches" });
        }
        const name = call.request.service ?? "";
        this.#watchers.set(call, name);
        call.on("cancelled", () => this.#watchers.delete(call));
        call.write({ status: this.#states.get(name) ?? "SERVICE_UNKNOWN" });
      },
    });
  }
}
