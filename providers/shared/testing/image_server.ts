/** An image server that behaves as it is told, also badly. @module */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

/** What the server does with a request. */
export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A server on this machine, one answer for each path. */
export class ImageServer implements AsyncDisposable {
  readonly requests: string[] = [];
  readonly #answers = new Map<string, Answer>();
  readonly #server = createServer((request, response) => {
    const path = request.url ?? "";
    this.requests.push(path);
    const answer = this.#answers.get(path);
    if (answer === undefined) response.writeHead(404).end();
    else answer(request, response);
  });
  #port = 0;

  static async start(): Promise<ImageServer> {
    const server = new ImageServer();
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    const address = server.#server.address();
    server.#port = typeof address === "object" && address !== null ? address.port : 0;
    return server;
  }

  /** Serves `answer` at `path`; returns the URL. */
  at(path: string, answer: Answer): string {
    this.#answers.set(path, answer);
    return `http://127.0.0.1:${this.#port}${path}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

/** All of `content`. */
export const whole = (content: Uint8Array): Answer => (_request, response) => {
  response.writeHead(200, { "content-length": content.byteLength }).end(content);
};

/** Promises all of `content` and hangs up in the middle. */
export const truncated = (content: Uint8Array): Answer => (_request, response) => {
  response.writeHead(200, { "content-length": content.byteLength });
  response.write(content.subarray(0, content.byteLength / 2), () => response.destroy());
};

/** Sends the reader somewhere else. */
export const redirect = (to: string): Answer => (_request, response) => {
  response.writeHead(302, { location: to }).end();
};
