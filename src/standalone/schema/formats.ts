/** The string formats that an API server checks. A format that is not named here is documentation only. @module */
import { isIP, isIPv4, isIPv6 } from "node:net";

const DURATION_UNITS =
  "ns|nano|nanos|us|µs|μs|micro|micros|ms|milli|millis|s|sec|secs|second|seconds|m|min|mins|minute|minutes|h|hr|hour|hours|d|day|days|w|wk|week|weeks";
const GO_DURATION = /^[-+]?(?:0|(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/;
const WORD_DURATION = new RegExp(`^(?:\\d+(?:\\.\\d+)?\\s*(?:${DURATION_UNITS})\\s*)+$`);
const UUID = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;
const uuid = (version: string) =>
  new RegExp(`^[0-9a-f]{8}-?[0-9a-f]{4}-?${version}[0-9a-f]{3}-?[0-9a-f]{4}-?[0-9a-f]{12}$`, "i");
const DATE = /^(\d{4})-(\d{2})-(\d{2})$/;
const DATE_TIME = /^(\d{4})-(\d{2})-(\d{2})[Tt]([01]\d|2[0-3]):([0-5]\d):([0-5]\d|60)(\.\d+)?([Zz]|[+-]\d{2}:?\d{2})$/;
const HOSTNAME = /^(?=.{1,255}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*\.?$/i;
const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const MAC = /^(?:[0-9a-f]{2}([:-])(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}|(?:[0-9a-f]{4}\.){2}[0-9a-f]{4})$/i;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

function isDate(text: string): boolean {
  const [, year, month, day] = DATE.exec(text) ?? [];
  if (year === undefined || month === undefined || day === undefined) return false;
  const time = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  return time.getUTCMonth() === Number(month) - 1 && time.getUTCDate() === Number(day);
}

/** Whether `text` is `address/prefix-length`. */
export function isCidr(text: string): boolean {
  const slash = text.indexOf("/");
  if (slash < 0) return false;
  const length = text.slice(slash + 1);
  const version = isIP(text.slice(0, slash));
  return version !== 0 && /^(?:0|[1-9]\d{0,2})$/.test(length) && Number(length) <= (version === 4 ? 32 : 128);
}

function isUri(text: string): boolean {
  if (/[\s\p{Cc}]/u.test(text) || text === "") return false;
  return text.startsWith("/") || URL.canParse(text);
}

const CHECKS: ReadonlyMap<string, (text: string) => boolean> = new Map([
  ["date-time", (text) => DATE_TIME.test(text) && isDate(text.slice(0, 10))],
  ["date", isDate],
  ["duration", (text) => GO_DURATION.test(text) || WORD_DURATION.test(text)],
  ["ipv4", isIPv4],
  ["ipv6", isIPv6],
  ["cidr", isCidr],
  ["mac", (text) => MAC.test(text)],
  ["uuid", (text) => UUID.test(text)],
  ["uuid3", (text) => uuid("3").test(text)],
  ["uuid4", (text) => uuid("4").test(text)],
  ["uuid5", (text) => uuid("5").test(text)],
  ["byte", (text) => BASE64.test(text)],
  ["uri", isUri],
  ["hostname", (text) => HOSTNAME.test(text)],
  ["email", (text) => /^[^\s@]+@[^\s@]+$/.test(text)],
  ["k8s-short-name", (text) => text.length <= 63 && LABEL.test(text)],
  ["k8s-long-name", (text) => text.length <= 253 && text.split(".").every((label) => LABEL.test(label))],
]);

/** The check of a string format, or `undefined` when a real API server does not check it either (`quantity`, `password`). */
export const formatCheck = (format: string): ((text: string) => boolean) | undefined => CHECKS.get(format);
