import { spawn, type ChildProcess } from "node:child_process";
import { createPublicKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { digestHex, sha256 } from "../../src/lib/index.ts";
import { buildGoProgram } from "../go-program.ts";
import { startIssuer, type Issuer } from "../fakes/openid-issuer.ts";

const fulcio = await buildGoProgram("github.com/sigstore/fulcio@v1.8.4");
const rekor = await buildGoProgram("github.com/sigstore/rekor-tiles/v2/cmd/rekor-server/posix@v2.2.1");
const authority = await buildGoProgram("github.com/sigstore/timestamp-authority/v2/cmd/timestamp-server@v2.0.3");

/** Why no Sigstore of one's own can be started here, for `needs`. */
export const missingSigstore = fulcio.missing ?? rekor.missing ?? authority.missing;

/** Sigstore's own programs on loopback: Fulcio with a CA of its own, Rekor v2 in a folder, a timestamp authority; and an issuer of tokens. */
export interface Sigstore {
  readonly issuer: Issuer;
  readonly fulcio: string;
  readonly rekor: string;
  readonly timestamp: string;
  /** Path of the trusted root, and its text. */
  readonly trustedRootPath: string;
  readonly trustedRoot: string;
  close(): Promise<void>;
}

const logName = "rekor.local";
const since = { start: "2020-01-01T00:00:00Z" };

export async function startSigstore(): Promise<Sigstore> {
  const folder = await mkdtemp(join(tmpdir(), "tidemill-sigstore-"));
  const issuer = await startIssuer();
  const running: ChildProcess[] = [];
  let isClosed = false;
  const close = async (): Promise<void> => {
    isClosed = true;
    await Promise.all(running.map(endProcess));
    await issuer.close();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const run = (path: string, args: readonly string[]): void => {
      running.push(spawn(path, args, { cwd: folder, stdio: "ignore" }));
    };
    const ports = await Promise.all(Array.from({ length: 8 }, freePort));
    const [http, grpc, metrics, logHttp, logGrpc, logMetrics, stampPort] = ports.map(String) as [
      string,
      string,
      string,
      string,
      string,
      string,
      string,
    ];
    await writeFile(
      join(folder, "fulcio.json"),
      JSON.stringify({
        OIDCIssuers: { [issuer.address]: { IssuerURL: issuer.address, ClientID: "sigstore", Type: "github-workflow" } },
      }),
    );
    run(fulcio.path, [
      "serve",
      "--host=127.0.0.1",
      `--port=${http}`,
      "--grpc-host=127.0.0.1",
      `--grpc-port=${grpc}`,
      `--metrics-port=${metrics}`,
      `--legacy-unix-domain-socket=@tidemill-${http}`,
      "--ca=ephemeralca",
      "--ct-log-url=",
      `--config-path=${join(folder, "fulcio.json")}`,
    ]);
    const pair = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
    await writeFile(join(folder, "log.pem"), pair.privateKey.export({ type: "pkcs8", format: "pem" }));
    run(rekor.path, [
      "serve",
      `--http-port=${logHttp}`,
      `--grpc-port=${logGrpc}`,
      `--http-metrics-port=${logMetrics}`,
      `--hostname=${logName}`,
      `--signer-filepath=${join(folder, "log.pem")}`,
      `--storage-dir=${join(folder, "log")}`,
      "--checkpoint-interval=1s",
      "--batch-max-age=50ms",
    ]);
    // It tells its metrics at port 2112, whatever it is told: of two on a machine the later has to wait for the other's end.
    const runAuthority = (): void => {
      if (isClosed) return;
      run(authority.path, [
        "serve",
        "--host=127.0.0.1",
        `--port=${stampPort}`,
        "--timestamp-signer=memory",
        "--disable-ntp-monitoring",
      ]);
      running.at(-1)?.on("exit", () => setTimeout(runAuthority, 500).unref());
    };
    runAuthority();
    const base = (port: string): string => `http://127.0.0.1:${port}`;
    const bundle = JSON.parse(await askUntil(`${base(http)}/api/v2/trustBundle`)) as {
      chains: { certificates: string[] }[];
    };
    const stampChain = pemsOf(await askUntil(`${base(stampPort)}/api/v1/timestamp/certchain`, 500_000));
    await askUntil(`${base(logHttp)}/healthz`);
    const chainOf = (pems: readonly string[]) => ({
      certificates: pems.map((pem) => ({ rawBytes: new X509Certificate(pem).raw.toString("base64") })),
    });
    const logKey = createPublicKey(pair.privateKey.export({ type: "pkcs8", format: "pem" }).toString()).export({
      type: "spki",
      format: "der",
    });
    const trustedRoot = JSON.stringify({
      mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
      tlogs: [
        {
          baseUrl: `https://${logName}`,
          hashAlgorithm: "SHA2_256",
          publicKey: { rawBytes: logKey.toString("base64"), keyDetails: "PKIX_ECDSA_P256_SHA_256", validFor: since },
          logId: { keyId: Buffer.from(digestHex(sha256(logKey)), "hex").toString("base64") },
        },
      ],
      certificateAuthorities: bundle.chains.map(({ certificates }) => ({
        subject: { organization: "test", commonName: "fulcio" },
        uri: base(http),
        certChain: chainOf(certificates),
        validFor: since,
      })),
      ctlogs: [],
      timestampAuthorities: [
        {
          subject: { organization: "test", commonName: "tsa" },
          uri: base(stampPort),
          certChain: chainOf(stampChain),
          validFor: since,
        },
      ],
    });
    const trustedRootPath = join(folder, "trusted_root.json");
    await writeFile(trustedRootPath, trustedRoot);
    return {
      issuer,
      fulcio: base(http),
      rekor: base(logHttp),
      timestamp: `${base(stampPort)}/api/v1/timestamp`,
      trustedRootPath,
      trustedRoot: await readFile(trustedRootPath, "utf8"),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function pemsOf(text: string): string[] {
  return text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
}

async function askUntil(url: string, waitMs = 60_000): Promise<string> {
  const end = Date.now() + waitMs;
  for (;;) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok === true) return answer.text();
    if (Date.now() > end) throw new Error(`${url} does not answer: ${answer?.status}`);
    await sleep(200);
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.on("exit", () => resolve());
    child.kill("SIGKILL");
  });
}
