/** Door for JSON Web Tokens. */
export * as jose from "jose";
