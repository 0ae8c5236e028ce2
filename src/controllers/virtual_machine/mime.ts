/** Several pieces of user-data as one MIME multi-part document (RFC 2046), as cloud-init reads it. @module */
import { Secret } from "@virtrigaud/telemetry";
import { digestOf } from "../shared/digest.ts";

/** What cloud-init calls a part that begins like this. */
const TYPES: readonly (readonly [prefix: string, type: string])[] = [
  ["#cloud-config", "text/cloud-config"],
  ["#!", "text/x-shellscript"],
  ["#include", "text/x-include-url"],
  ["#cloud-boothook", "text/cloud-boothook"],
  ["#part-handler", "text/part-handler"],
  ["## template: jinja", "text/jinja2"],
];

/** One part alone stays as it is. Parts are base64, so that no content can end a part early. */
export function multipart(parts: readonly Secret<string>[]): Secret<string> {
  const [only, ...others] = parts;
  if (only === undefined || others.length === 0) return only ?? new Secret("");
  const texts = parts.map((part) => part.reveal());
  const boundary = `virtrigaud-${digestOf(texts)}`;
  const lines = ["MIME-Version: 1.0", `Content-Type: multipart/mixed; boundary="${boundary}"`, ""];
  texts.forEach((text, index) => {
    lines.push(
      `--${boundary}`,
      `Content-Type: ${typeOf(text)}; charset="utf-8"`,
      "Content-Transfer-Encoding: base64",
      `Content-Disposition: attachment; filename="part-${index + 1}"`,
      "",
      ...(new TextEncoder().encode(text).toBase64().match(/.{1,76}/g) ?? []),
    );
  });
  lines.push(`--${boundary}--`, "");
  return new Secret(lines.join("\r\n"));
}

function typeOf(text: string): string {
  return TYPES.find(([prefix]) => text.startsWith(prefix))?.[1] ?? "text/cloud-config";
}
