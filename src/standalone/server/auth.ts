/** Who may do what. @module */
import { createHash, timingSafeEqual } from "node:crypto";
import { ApiError, qualified } from "./errors.ts";
import type { User } from "./request.ts";
import type { Resource } from "./resource.ts";

/** A credential of one user. There is no anonymous access. */
export interface Token extends User {
  readonly token: string;
}

/** One question to the authorizer. */
export interface Attributes {
  readonly verb: string;
  readonly group: string;
  /** Plural, or a path for requests about no resource. */
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
}

/** Decides whether `user` may do what `attributes` say. */
export type Authorizer = (user: User, attributes: Attributes) => boolean;

/** Everybody with a token may do everything: the default of a control plane for one machine. */
export const allowAll: Authorizer = () => true;

/** Finds the user of a request. */
export class Authenticator {
  readonly #users: readonly { readonly digest: Uint8Array; readonly user: User }[];

  constructor(tokens: readonly Token[]) {
    this.#users = tokens.map(({ token, name, groups }) => {
      if (token.length < 16) {
        throw new Error(
          `token of user ${name}: ${token.length} characters; use at least 16, they are all that protects the API`,
        );
      }
      return { digest: digest(token), user: { name, groups: [...groups, "system:authenticated"] } };
    });
  }

  /** The user that the `Authorization` header stands for, or `undefined`. Takes the same time for every token. */
  user(header: string | null): User | undefined {
    const token = /^Bearer\s+(\S+)$/i.exec(header ?? "")?.[1];
    return token === undefined ? undefined : this.userOf(token);
  }

  /** The user of a bare token. */
  userOf(token: string): User | undefined {
    const given = digest(token);
    let found: User | undefined;
    for (const { digest, user } of this.#users) if (timingSafeEqual(digest, given)) found = user;
    return found;
  }
}

function digest(token: string): Uint8Array {
  return createHash("sha256").update(token).digest();
}

/** The refusal of a request, in the words clients know. */
export function refused(
  user: User,
  attributes: Attributes,
  resource?: Pick<Resource, "group" | "plural" | "kind">,
): ApiError {
  const { verb, group, subresource, namespace, name } = attributes;
  const what = resource === undefined
    ? `User "${user.name}" cannot ${verb} path "${attributes.resource}"`
    : `User "${user.name}" cannot ${verb} resource "${resource.plural}${
      subresource === "" ? "" : `/${subresource}`
    }" in API group "${group}"` +
      (namespace === "" ? " at the cluster scope" : ` in the namespace "${namespace}"`);
  const of = resource === undefined ? "" : `${qualified(resource)}${name === "" ? "" : ` "${name}"`} is `;
  return new ApiError(
    403,
    "Forbidden",
    `${of}forbidden: ${what}`,
    resource === undefined ? {} : {
      ...(name === "" ? {} : { name }),
      ...(group === "" ? {} : { group }),
      kind: resource.plural,
    },
  );
}
