import { X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import { messageOf, readTextFile } from "../lib/index.ts";
import { ServeError } from "./error.ts";

export interface TlsFiles {
  /** Paths of PEM files. */
  readonly cert: string;
  readonly key: string;
}

export interface Tls {
  readonly cert: string;
  readonly key: string;
  /** Of the first certificate of the chain, milliseconds since 1970. */
  readonly validTo: number;
}

const maxBytes = 1024 * 1024;

/** Certificate chain and key, which belong together. Throws BAD_CERTIFICATE with the file and what is wrong. */
export async function readTls({ cert, key }: TlsFiles): Promise<Tls> {
  const pair = { cert: await readPem(cert), key: await readPem(key) };
  try {
    createSecureContext(pair);
    return { ...pair, validTo: Date.parse(new X509Certificate(pair.cert).validTo) };
  } catch (error) {
    throw new ServeError("BAD_CERTIFICATE", `${cert} and ${key} are no certificate and its key: ${messageOf(error)}`, {
      hint: "PEM files are wanted: the chain, the server's certificate first, and its key, not encrypted.",
      cause: error,
    });
  }
}

async function readPem(path: string): Promise<string> {
  try {
    return await readTextFile(path, maxBytes);
  } catch (error) {
    throw new ServeError("BAD_CERTIFICATE", `${path} cannot be read: ${messageOf(error)}`, {
      hint: "Paths in `server.tls` are relative to the configuration.",
      cause: error,
    });
  }
}
