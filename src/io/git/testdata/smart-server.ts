import { execFileSync, spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createGunzip } from "node:zlib";
import { noGit, temporaryFolder } from "./repository.ts";

/** Why a server cannot be made; undefined where it can. */
export const noServer = noGit ?? (spawnSync("openssl", ["version"]).status === 0 ? undefined : "openssl");

/** A repository over https on loopback, and what was asked of it. */
export interface SmartServer {
  readonly origin: string;
  /** File of the certificate that it is trusted by. */
  readonly certificate: string;
  readonly requests: { readonly url: string; readonly authorization: string | undefined }[];
  close(): Promise<void>;
}

interface Behaviour {
  /** Speaks version 2 of the protocol, in which every commit is handed out by its id. */
  readonly modern?: boolean;
  /** What the Authorization header must be. */
  readonly authorization?: string;
  /** Answers every request with a redirect to this origin. */
  readonly redirect?: string;
  /** Answers what is posted never. */
  readonly hangs?: boolean;
  /** Writes more than anybody wants, for ever, in place of a pack. */
  readonly endless?: boolean;
}

/** Serves the repository in `folder` as git-http-protocol(5) has it. */
export async function serveRepository(folder: string, behaviour: Behaviour = {}): Promise<SmartServer> {
  const own = await temporaryFolder();
  const [key, certificate] = [join(own, "key.pem"), join(own, "certificate.pem")];
  const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"];
  execFileSync("openssl", ["req", "-x509", ...kind, ...subject, "-keyout", key, "-out", certificate], {
    stdio: "ignore",
  });
  const requests: SmartServer["requests"] = [];
  const server = createServer({ key: readFileSync(key), cert: readFileSync(certificate) }, (request, response) => {
    const { url = "", headers } = request;
    requests.push({ url, authorization: headers.authorization });
    if (behaviour.redirect !== undefined) {
      response.writeHead(302, { location: `${behaviour.redirect}${url}` }).end();
    } else if (behaviour.authorization !== undefined && headers.authorization !== behaviour.authorization) {
      response.writeHead(401, { "www-authenticate": 'Basic realm="git"' }).end();
    } else answer(folder, behaviour, request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    certificate,
    requests,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(own, { recursive: true });
    },
  };
}

function answer(folder: string, behaviour: Behaviour, request: IncomingMessage, response: ServerResponse): void {
  const protocol = behaviour.modern === true ? String(request.headers["git-protocol"] ?? "") : "";
  const env = { PATH: process.env["PATH"], HOME: "/nonexistent", GIT_PROTOCOL: protocol };
  const what = request.method === "GET" ? "advertisement" : "result";
  response.writeHead(200, { "content-type": `application/x-git-upload-pack-${what}`, "cache-control": "no-cache" });
  if (request.method === "GET") {
    response.write("001e# service=git-upload-pack\n0000");
    spawn("git", ["upload-pack", "--stateless-rpc", "--advertise-refs", folder], { env }).stdout.pipe(response);
    return;
  }
  if (behaviour.hangs === true) return;
  const body = request.headers["content-encoding"] === "gzip" ? request.pipe(createGunzip()) : request;
  const child = spawn("git", ["upload-pack", "--stateless-rpc", folder], { env });
  body.pipe(child.stdin);
  child.stdin.on("error", () => undefined);
  if (behaviour.endless !== true) child.stdout.pipe(response);
  else sendEndless(response);
}

/** A pack, in side-band packets, whose one blob does not end. */
function sendEndless(response: ServerResponse): void {
  const packet = (band: number, bytes: Buffer): Buffer =>
    Buffer.concat([Buffer.from((bytes.length + 5).toString(16).padStart(4, "0")), Buffer.from([band]), bytes]);
  const line = (text: string): Buffer => Buffer.from(`${(text.length + 4).toString(16).padStart(4, "0")}${text}`);
  // Version 2, 1,000 objects; a blob of some terabytes; zlib blocks that are stored as they are.
  const size = Buffer.from([0xbf, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]);
  const start = Buffer.concat([Buffer.from("PACK\0\0\0\u0002\0\0\u0003\u00e8", "latin1"), size, Buffer.from([0x78, 0x01])]);
  response.write(line("packfile\n"));
  response.write(packet(1, start));
  const block = Buffer.concat([Buffer.from([0x00, 0x00, 0xf0, 0xff, 0x0f]), Buffer.alloc(0xf000, 7)]);
  const more = (): void => {
    while (!response.destroyed && response.write(packet(1, block)));
  };
  response.on("drain", more);
  more();
}
