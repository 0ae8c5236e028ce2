/**
 * `node:stream.isReadable(webStream)` answers `null` under Deno 2.8.3 to 2.9.6 (Node: `true`), and because of that
 * undici's fetch never reports a lost connection or an abort: a watch hangs for good. Must be loaded before undici.
 *
 * @module
 */
import stream from "node:stream";

const original = stream.isReadable as (candidate: unknown) => boolean | null;
(stream as unknown as { isReadable: unknown }).isReadable = (candidate: unknown) =>
  candidate instanceof ReadableStream ? true : original(candidate);
