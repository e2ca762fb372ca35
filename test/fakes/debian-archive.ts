import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { createHash } from "node:crypto";
import type { PrivateKey } from "openpgp";
import type { SuiteSource } from "../../src/io/distro/index.ts";
import { clearSign, makeArchiveKey, makeSuite, publicKeyOf, type SuiteSpec } from "./make-suite.ts";

/** What the server does wrong with a path. `times`: how often; without it, until {@link DebianArchive.heal}. */
export type ArchiveFault =
  | { readonly kind: "status"; readonly status: number; readonly times?: number }
  /** Announces the whole length, sends the first `bytes`, hangs up. */
  | { readonly kind: "cut"; readonly bytes: number; readonly times?: number }
  | { readonly kind: "replace"; readonly bytes: Uint8Array; readonly times?: number }
  | { readonly kind: "redirect"; readonly to: string; readonly times?: number }
  /** Sends a byte, then nothing for so long. */
  | { readonly kind: "slow"; readonly ms: number; readonly times?: number }
  /** Sends until the reader hangs up, and announces no length. */
  | { readonly kind: "endless"; readonly times?: number }
  /** Sends a byte every so often. */
  | { readonly kind: "drip"; readonly everyMs: number; readonly times?: number }
  | { readonly kind: "no-ranges"; readonly times?: number };

export interface PublishOptions {
  /** In place of the archive's key; none: the file is not signed. */
  readonly keys?: readonly PrivateKey[];
  /** Only InRelease becomes new, as on a mirror in the middle of an update. */
  readonly lag?: boolean;
  /** Changes the text before it is signed. */
  readonly rewrite?: (release: string) => string;
  /** Changes the signed file before it is served. */
  readonly alter?: (inRelease: Buffer) => Buffer;
}

/** A Debian archive on loopback. */
export interface DebianArchive {
  readonly url: string;
  readonly key: PrivateKey;
  /** Path of every file that is served. */
  readonly files: Map<string, Buffer>;
  /** `GET /path` of every request, and its answer's status, in order. */
  readonly requests: { readonly path: string; readonly status: number; readonly range: string | undefined }[];
  publish(spec: SuiteSpec, options?: PublishOptions): Promise<void>;
  /** Paths that match do wrong from now on; the last fault that matches counts. */
  fail(paths: RegExp, fault: ArchiveFault): void;
  heal(): void;
  /** The suite as Tidemill watches it. */
  source(suite: string, change?: Partial<SuiteSource>): SuiteSource;
  close(): Promise<void>;
}

let made: Promise<PrivateKey> | undefined;

/** Starts an archive with nothing in it. All of one process have the same key. */
export async function createDebianArchive(): Promise<DebianArchive> {
  made ??= makeArchiveKey();
  const key = await made;
  const files = new Map<string, Buffer>();
  const requests: DebianArchive["requests"] = [];
  let faults: { readonly paths: RegExp; readonly fault: ArchiveFault; left: number }[] = [];

  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? "/", "http://archive").pathname).slice(1);
    response.on("close", () => {
      requests.push({ path, status: response.statusCode, range: request.headers.range });
    });
    const match = faults.findLast((one) => one.left > 0 && one.paths.test(path));
    if (match !== undefined) match.left -= 1;
    answer(request, response, files.get(path), match?.fault).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/debian`;

  return {
    url,
    key,
    files,
    requests,
    publish: async (
      spec,
      { keys = [key], lag = false, rewrite = (text: string) => text, alter = (bytes: Buffer) => bytes } = {},
    ) => {
      const suite = await makeSuite(spec);
      if (!lag) for (const [path, bytes] of suite.files) files.set(`debian/${path}`, bytes);
      const release = rewrite(suite.release);
      const signed = keys.length === 0 ? Buffer.from(release) : await clearSign(release, keys, spec.date);
      files.set(`debian/dists/${spec.suite}/InRelease`, alter(signed));
    },
    fail: (paths, fault) => {
      faults.push({ paths, fault, left: fault.times ?? Number.POSITIVE_INFINITY });
    },
    heal: () => {
      faults = [];
    },
    source: (suite, change = {}) => ({
      name: `debian/${suite}`,
      mirror: url,
      suite,
      codename: suite,
      components: ["main"],
      architectures: ["amd64"],
      keys: [publicKeyOf(key)],
      security: suite.endsWith("-security"),
      ...change,
    }),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  file: Buffer | undefined,
  fault: ArchiveFault | undefined,
): Promise<void> {
  if (fault?.kind === "status") return end(response, fault.status);
  if (fault?.kind === "redirect") {
    response.setHeader("location", fault.to);
    return end(response, 302);
  }
  if (fault?.kind === "endless") {
    response.writeHead(200);
    while (!response.destroyed) {
      if (!response.write(Buffer.alloc(65_536, "\n"))) await new Promise((resolve) => response.once("drain", resolve));
    }
    return;
  }
  const bytes = fault?.kind === "replace" ? Buffer.from(fault.bytes) : file;
  if (bytes === undefined) return end(response, 404);
  const etag = `"${createHash("sha256").update(bytes).digest("hex").slice(0, 16)}"`;
  response.setHeader("etag", etag);
  if (request.headers["if-none-match"] === etag) return end(response, 304);
  const from = fault?.kind === "no-ranges" ? 0 : Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
  if (from > 0) response.setHeader("content-range", `bytes ${from}-${bytes.length - 1}/${bytes.length}`);
  const part = bytes.subarray(from);
  response.writeHead(from > 0 ? 206 : 200, { "content-length": part.length });
  if (request.method === "HEAD") {
    response.end();
  } else if (fault?.kind === "cut") {
    // The reader must have had the bytes before the line goes dead.
    await new Promise((resolve) => response.write(part.subarray(0, fault.bytes), resolve));
    await delay(20);
    response.destroy();
  } else if (fault?.kind === "drip") {
    for (let at = 0; at < part.length && !response.destroyed; at += 1) {
      response.write(part.subarray(at, at + 1));
      await delay(fault.everyMs);
    }
    response.end();
  } else if (fault?.kind === "slow") {
    response.write(part.subarray(0, 1));
    await delay(fault.ms, undefined, { ref: false });
    response.end(part.subarray(1));
  } else {
    response.end(part);
  }
}

function end(response: ServerResponse, status: number): void {
  response.writeHead(status, { "content-length": 0 });
  response.end();
}
