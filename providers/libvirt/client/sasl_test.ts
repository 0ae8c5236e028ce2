import { assertEquals, assertThrows } from "@virtrigaud/deps";
import { ProviderError } from "@virtrigaud/contract";
import { Secret } from "@virtrigaud/telemetry";
import { saslExchange } from "./sasl.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (content: Uint8Array) => new TextDecoder().decode(content);
const credentials = { username: "user", password: new Secret("pencil") };
const NONCE = "rOprNGfwEbeRWgbNEkqO";
const ALL = `${NONCE}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0`;

Deno.test("SCRAM-SHA-256 says what the example of RFC 7677 says, and believes only that server", () => {
  const begin = () => saslExchange(["PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256"], credentials, { nonce: NONCE });
  const challenge = bytes(`r=${ALL},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`);
  const exchange = begin();
  assertEquals([exchange.mechanism, text(exchange.first)], ["SCRAM-SHA-256", `n,,n=user,r=${NONCE}`]);
  assertEquals(
    text(exchange.answer(challenge)),
    `c=biws,r=${ALL},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`,
  );
  assertEquals(exchange.trusted(), false);
  exchange.answer(bytes("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
  assertEquals(exchange.trusted(), true);

  for (const lie of ["v=AAAATRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", "v=", "e=other-error", ""]) {
    const other = begin();
    other.answer(challenge);
    const error = assertThrows(() => other.answer(bytes(lie)), ProviderError);
    assertEquals([error.class, other.trusted()], ["Unauthorized", false]);
  }
});

Deno.test("a user name with commas and equal signs is said so that nobody mistakes it", () => {
  const exchange = saslExchange(["SCRAM-SHA-512"], { ...credentials, username: "a=b,c" }, { nonce: "N" });
  assertEquals(text(exchange.first), "n,,n=a=3Db=2Cc,r=N");
});
