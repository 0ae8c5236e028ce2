import { assertEquals } from "@virtrigaud/deps";
import { createHmac } from "node:crypto";
import { KnownHosts } from "./known_hosts.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const key = (name: string): string => btoa(name);
const judge = (text: string, host: string, shown: string, port = 22): string =>
  new KnownHosts(text).judge(host, port, bytes(shown)).verdict;

function hashed(name: string): string {
  const salt = bytes("01234567890123456789");
  return `|1|${btoa(String.fromCharCode(...salt))}|${createHmac("sha1", salt).update(name).digest("base64")}`;
}

Deno.test("a host is known by plain, listed, wildcard, hashed and ported names", () => {
  const table: [line: string, host: string, port: number, verdict: string][] = [
    ["kvm1", "kvm1", 22, "Known"],
    ["KVM1", "kvm1", 22, "Known"],
    ["kvm1", "kvm1", 2222, "Unknown"],
    ["[kvm1]:2222", "kvm1", 2222, "Known"],
    ["a,kvm1,b", "kvm1", 22, "Known"],
    ["*.example.org", "kvm1.example.org", 22, "Known"],
    ["kvm?", "kvm1", 22, "Known"],
    ["kvm?", "kvm12", 22, "Unknown"],
    ["*.example.org,!kvm1.example.org", "kvm1.example.org", 22, "Unknown"],
    [hashed("kvm1"), "kvm1", 22, "Known"],
    [hashed("kvm1"), "kvm2", 22, "Unknown"],
    [hashed("[kvm1]:2222"), "kvm1", 2222, "Known"],
    ["kvm.", "kvm1", 22, "Unknown"],
  ];
  for (const [line, host, port, verdict] of table) {
    assertEquals(judge(`# comment\n\n${line} ssh-ed25519 ${key("K")} somebody\n`, host, "K", port), verdict, line);
  }
});

Deno.test("another key than the known one is a change, not an unknown host", () => {
  assertEquals(judge(`kvm1 ssh-ed25519 ${key("K")}`, "kvm1", "other"), "Changed");
  assertEquals(judge(`kvm1 ssh-ed25519 ${key("K")}\nkvm1 ssh-rsa ${key("R")}`, "kvm1", "R"), "Known");
});

Deno.test("a revoked key is refused even where another line knows it", () => {
  assertEquals(judge(`kvm1 ssh-ed25519 ${key("K")}\n@revoked * ssh-ed25519 ${key("K")}`, "kvm1", "K"), "Revoked");
});

Deno.test("authorities and broken lines say nothing", () => {
  assertEquals(judge(`@cert-authority * ssh-ed25519 ${key("K")}\nkvm1\nkvm1 ssh-ed25519`, "kvm1", "K"), "Unknown");
});

Deno.test("the types of known keys are told, for the negotiation", () => {
  const hosts = new KnownHosts(
    `kvm1 ssh-rsa ${key("R")}\nkvm1 ssh-ed25519 ${key("K")}\nkvm2 ecdsa-sha2-nistp256 ${key("E")}`,
  );
  assertEquals(hosts.keyTypes("kvm1", 22), ["ssh-rsa", "ssh-ed25519"]);
});
