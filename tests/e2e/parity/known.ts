/** Where the embedded API server answers differently on purpose. docs/standalone.md says why, under the same names. @module */
import type { Difference } from "./compare.ts";

/** A difference that is known. */
export interface Known {
  /** First column of the table in docs/standalone.md. */
  readonly what: string;
  /** Which of the two comparisons has to meet it. */
  readonly where: "api" | "kubectl";
  /** Whether it is this one. */
  readonly explains: (difference: Difference) => boolean;
}

const at = (pattern: RegExp) => (difference: Difference) => pattern.test(difference.at);
const real = (pattern: RegExp) => (difference: Difference) => pattern.test(JSON.stringify(difference.real) ?? "");
const both = (...tests: readonly Known["explains"][]) => (difference: Difference) =>
  tests.every((test) => test(difference));
const absent = ({ embedded }: Difference) => embedded === undefined;

/** A list in which one server says the same thing several times. */
function saidOnce({ real, embedded }: Difference): boolean {
  if (!Array.isArray(real) || !Array.isArray(embedded)) return false;
  const distinct = (list: readonly unknown[]) =>
    JSON.stringify([...new Set(list.map((item) => JSON.stringify(Object.entries(item as object).sort())))].sort());
  return distinct(real) === distinct(embedded);
}

/** `explain` without what it says of the three fields that every object has. */
function explained(lines: unknown): string {
  return (lines as readonly string[]).join("\n").replaceAll(/^ {2}(apiVersion|kind|metadata)\t.*\n( {4}.*\n)*/gm, "");
}

/** All of them; each has to be met in a run, or it is none any more. */
export const KNOWN: readonly Known[] = [
  {
    where: "api",
    what: "Status of a strict apply with an unknown field",
    explains: ({ asked, real, embedded }) =>
      asked.includes("fieldValidation=Strict&fieldManager=") &&
      (real === 500 && embedded === 400 || real === undefined && embedded === "BadRequest"),
  },
  {
    where: "kubectl",
    what: "`kubectl explain` of `apiVersion`, `kind` and `metadata`",
    explains: ({ asked, at, real, embedded }) =>
      asked.startsWith("kubectl explain") && at === "out" && explained(real) === explained(embedded),
  },
  {
    where: "api",
    what: "Descriptions of the columns Name and Age",
    explains: at(/^body\.columnDefinitions\.\d+\.description$/),
  },
  { where: "api", what: "The entry `.` in field ownership", explains: at(/\.\.$/) },
  { where: "api", what: "`imagePullPolicy` of containers", explains: both(at(/imagePullPolicy$/), absent) },
  {
    where: "api",
    what: "An empty `status` of core kinds",
    explains: both(at(/^body\.status$/), real(/^\{\}$/), absent),
  },
  {
    where: "api",
    what: "Time of an owner of fields that lost one to a forced apply",
    explains: ({ at, real }) => /^body\.metadata\.managedFields\.\d+\.time$/.test(at) && real === undefined,
  },
  {
    where: "api",
    what: "Owners of fields of reviews, and of what the server made itself",
    explains: both(at(/^body\.metadata\.managedFields$/), real(/authorization\.k8s\.io|kube-apiserver/), absent),
  },
  { where: "api", what: "`storageVersionHash` in discovery", explains: both(at(/storageVersionHash$/), absent) },
  { where: "api", what: "`serverAddressByClientCIDRs` in discovery", explains: at(/serverAddressByClientCIDRs$/) },
  { where: "api", what: "Findings that are told twice", explains: both(at(/^body\.details\.causes$/), saidOnce) },
  {
    where: "api",
    what: "Path of a field in findings about a status",
    explains: ({ real, embedded }) =>
      JSON.stringify(real) === JSON.stringify(embedded)?.replaceAll(/status\.([\w.]+ in body)/g, "$1"),
  },
  {
    where: "api",
    what: "Inner errors of parsers and accessors",
    explains: real(
      /strconv|json parse error|Object 'Kind' is missing in '|continue key is not valid|end of string|accessor error/,
    ),
  },
  {
    where: "api",
    what: "Which operation of a JSON patch failed",
    explains: ({ asked, at }) => asked.includes('[{"op"') && /^body\.(message|details)$/.test(at),
  },
  {
    where: "api",
    what: "Answer about a path that there is not",
    explains: ({ at, real, embedded }) =>
      at === "type" ? real === "text/plain; charset=utf-8" : at === "body" && real === "404 page not found\n" &&
        (embedded as { readonly code?: number }).code === 404,
  },
  {
    where: "api",
    what: "Objects as protobuf",
    explains: real(/are accepted: .*application\/vnd\.kubernetes\.protobuf/),
  },
];
