/** Door for certificates: issuing and parsing X.509 with WebCrypto keys. */
import "reflect-metadata";

export * as x509 from "@peculiar/x509";
