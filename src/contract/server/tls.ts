/** Certificates of a server: read from a folder, checked, exchanged while it serves. @module */
import { Buffer } from "node:buffer";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { grpc } from "@virtrigaud/deps/grpc.ts";
import { silentLogger } from "@virtrigaud/telemetry";
import { Secret } from "@virtrigaud/telemetry";
import { type FolderContents, type FolderOptions, watchFolder } from "./folder.ts";

/** Certificate, key and the authority of those who may call. */
export interface TlsMaterial {
  readonly certPem: string;
  readonly keyPem: Secret<string>;
  /** Authorities that may have signed a caller's certificate. */
  readonly caPem: string;
}

/** Material that may change. */
export interface TlsSource {
  readonly current: TlsMaterial;
  onChange(listener: (material: TlsMaterial) => void): void;
  /** Looks at the files now. */
  refresh(): Promise<void>;
  close(): void;
}

const FILES = ["tls.crt", "tls.key", "ca.crt"] as const;

/** Material that stays as it is. */
export const staticTls = (material: TlsMaterial): TlsSource => ({
  current: material,
  onChange: () => {},
  refresh: () => Promise.resolve(),
  close: () => {},
});

/**
 * `tls.crt`, `tls.key` and `ca.crt` of `folder`, or `undefined` if none of them is there. A change to files that do not
 * fit together keeps what is in use, with a warning: a Secret may be seen half-written.
 *
 * @throws {Error} naming the files that are missing if only some are there, or what is wrong with their content.
 */
export async function openTlsFolder(folder: string, options: FolderOptions = {}): Promise<TlsSource | undefined> {
  const { log = silentLogger } = options;
  const watch = await watchFolder(folder, { ...options, names: FILES });
  try {
    if (watch.contents.size === 0) {
      watch.close();
      return undefined;
    }
    let current = read(watch.contents, folder);
    const listeners: ((material: TlsMaterial) => void)[] = [];
    watch.onChange((contents) => {
      try {
        current = read(contents, folder);
      } catch (error) {
        return log.warn("changed certificates cannot be used, those before stay in use", { folder, error });
      }
      log.info("certificates changed, new connections use them", { folder });
      for (const listener of listeners) listener(current);
    });
    return {
      get current() {
        return current;
      },
      onChange: (listener) => void listeners.push(listener),
      refresh: () => watch.refresh(),
      close: () => watch.close(),
    };
  } catch (error) {
    watch.close();
    throw error;
  }
}

function read(contents: FolderContents, folder: string): TlsMaterial {
  const missing = FILES.filter((name) => !contents.get(name));
  if (missing.length > 0) {
    throw new Error(`${folder}: ${missing.join(", ")} missing or empty; all of ${FILES.join(", ")} are needed`);
  }
  const certPem = contents.get("tls.crt") ?? "";
  const keyPem = contents.get("tls.key") ?? "";
  const caPem = contents.get("ca.crt") ?? "";
  check(`${folder}/tls.crt`, () => new X509Certificate(certPem));
  check(`${folder}/ca.crt`, () => new X509Certificate(caPem));
  const key = check(`${folder}/tls.key`, () => createPrivateKey(keyPem));
  if (!new X509Certificate(certPem).checkPrivateKey(key)) {
    throw new Error(`${folder}: tls.key is not the key of tls.crt`);
  }
  return { certPem, keyPem: new Secret(keyPem), caPem };
}

function check<T>(path: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    throw new Error(`${path} cannot be read as PEM`, { cause });
  }
}

/** TLS 1.3 server credentials whose certificate and authority follow `source`: connections made later use the new ones. */
export class ReloadingServerCredentials extends grpc.ServerCredentials {
  /** `requireClient`: callers need a certificate of the authority; otherwise something else has to tell who they are. */
  constructor(source: TlsSource, options: { readonly requireClient: boolean }) {
    super(
      // `minVersion` goes to node:tls; the HTTP/2 types do not name it.
      { requestCert: options.requireClient, rejectUnauthorized: options.requireClient, ...{ minVersion: "TLSv1.3" } },
      contextOf(source.current),
    );
    source.onChange((material) => this.updateSecureContextOptions(contextOf(material)));
  }

  override _equals(other: grpc.ServerCredentials): boolean {
    return this === other;
  }
}

const contextOf = ({ certPem, keyPem, caPem }: TlsMaterial) => ({
  cert: [Buffer.from(certPem)],
  key: [Buffer.from(keyPem.reveal())],
  ca: Buffer.from(caPem),
});
