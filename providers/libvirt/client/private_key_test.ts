import { assert, assertEquals, assertStringIncludes } from "@virtrigaud/deps";
import { Buffer } from "node:buffer";
import { createECDH, generateKeyPairSync } from "node:crypto";
import { ssh2 } from "@virtrigaud/deps/ssh.ts";
import { usablePrivateKey } from "./private_key.ts";

const field = (bytes: Uint8Array | string): Buffer => {
  const body = Buffer.from(bytes);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  return Buffer.concat([length, body]);
};

/** An unencrypted OpenSSH key on P-256 with this scalar, as ssh-keygen writes it. */
function openSshEcdsa(scalar: Buffer): string {
  const ecdh = createECDH("prime256v1");
  ecdh.setPrivateKey(scalar);
  const type = "ecdsa-sha2-nistp256";
  const publicKey = Buffer.concat([field(type), field("nistp256"), field(ecdh.getPublicKey())]);
  // ssh-keygen writes numbers: no leading zeros, but one before a set sign bit.
  const significant = scalar.subarray(scalar.findIndex((byte) => byte !== 0));
  const number = (significant[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.alloc(1), significant]) : significant;
  const check = Buffer.alloc(8, 1);
  const secret = Buffer.concat([check, publicKey, field(number), field("test")]);
  const padded = Buffer.concat([secret, Buffer.from([1, 2, 3, 4, 5, 6, 7].slice(0, (8 - (secret.length % 8)) % 8))]);
  const count = Buffer.alloc(4);
  count.writeUInt32BE(1);
  const all = Buffer.concat([
    Buffer.from("openssh-key-v1\0"),
    field("none"),
    field("none"),
    field(""),
    count,
    field(publicKey),
    field(padded),
  ]);
  const lines = all.toString("base64").match(/.{1,70}/g) ?? [];
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${lines.join("\n")}\n-----END OPENSSH PRIVATE KEY-----\n`;
}

/** Whether ssh2 can sign with the key. */
function signs(text: string): boolean {
  const parsed = ssh2.utils.parseKey(text);
  if (parsed instanceof Error) throw parsed;
  const key = Array.isArray(parsed) ? parsed[0] : parsed;
  const data = Buffer.from("data");
  const signature = key.sign(data);
  return !(signature instanceof Error) && key.verify(data, signature) === true;
}

Deno.test("OpenSSH ECDSA keys sign, also those whose number is shorter or begins with a high bit", () => {
  const scalars = [
    Buffer.alloc(32, 0x11),
    Buffer.alloc(32, 0x91),
    Buffer.concat([Buffer.alloc(1), Buffer.alloc(31, 0x22)]),
    Buffer.concat([Buffer.alloc(3), Buffer.alloc(29, 0x92)]),
  ];
  for (const scalar of scalars) assert(signs(usablePrivateKey(openSshEcdsa(scalar))), scalar.toString("hex"));
});

Deno.test("PKCS#8 keys of RSA and ECDSA become keys that ssh2 reads", () => {
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
  const ec = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  for (const key of [rsa, ec]) {
    const text = key.export({ format: "pem", type: "pkcs8" }).toString();
    assertStringIncludes(text, "BEGIN PRIVATE KEY");
    assert(signs(usablePrivateKey(text)));
  }
});

Deno.test("what needs no help is left as it is", () => {
  for (const text of ["", "nonsense", "-----BEGIN RSA PRIVATE KEY-----\nAA==\n-----END RSA PRIVATE KEY-----\n"]) {
    assertEquals(usablePrivateKey(text), text);
  }
});
