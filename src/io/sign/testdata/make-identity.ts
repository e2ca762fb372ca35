import { execFile } from "node:child_process";
import { createPublicKey, sign, X509Certificate, type KeyObject } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { canonicalJson, digestHex, sha256 } from "../../../lib/index.ts";
import { bundleType, makeKey, signBytes, simpleSigning, type Envelope, type KeyPair, type Layer } from "./make-signature.ts";

const run = promisify(execFile);

/** A Sigstore of a test's own: an authority that makes out certificates, and a log. */
export interface MadeSigstore {
  readonly trustedRoot: string;
  /** The authority's certificate, and the log's key, in PEM. */
  readonly authority: string;
  readonly log: string;
  /** A certificate, in PEM, for `key` in the hands of `subject`. */
  certify(key: KeyPair, subject: string, issuer: string): Promise<string>;
  /** A payload, signed by `key` of the certificate and entered into the log at `at` (seconds). */
  enter(payload: Buffer, key: KeyPair, certificate: string, at: number, change?: (entry: LogEntry) => LogEntry): Layer;
  /** A signed envelope as cosign keeps an attestation, entered into the log at `at` (seconds). */
  envelope(envelope: Envelope, certificate: string, at: number): Layer;
  /** A signed envelope, in a bundle, entered into the log at `at` (seconds). */
  bundle(envelope: Envelope, certificate: string, at: number): Layer;
  remove(): Promise<void>;
}

export interface LogEntry {
  readonly SignedEntryTimestamp: string;
  readonly Payload: { readonly body: string; readonly integratedTime: number; readonly logIndex: number; readonly logID: string };
}

const validFor = { start: "2020-01-01T00:00:00Z" };

export async function makeSigstore(): Promise<MadeSigstore> {
  const folder = await mkdtemp(join(tmpdir(), "tidemill-sigstore-"));
  const path = (name: string): string => join(folder, name);
  const openssl = (...args: string[]) => run("openssl", args, { cwd: folder });
  await openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path("ca.key"));
  await openssl("req", "-x509", "-new", "-key", "ca.key", "-sha256", "-days", "3650", "-subj", "/O=test/CN=authority", "-addext", "basicConstraints=critical,CA:TRUE,pathlen:1", "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-out", path("ca.pem"));
  const log = makeKey("ecdsa");
  const logKey = spkiOf(createPublicKey(log.pem));
  const logId = digestHex(sha256(logKey));
  const ca = new X509Certificate(await readFile(path("ca.pem")));
  const trustedRoot = JSON.stringify({
    mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    tlogs: [
      {
        baseUrl: "https://log.example",
        hashAlgorithm: "SHA2_256",
        publicKey: { rawBytes: logKey.toString("base64"), keyDetails: "PKIX_ECDSA_P256_SHA_256", validFor },
        logId: { keyId: Buffer.from(logId, "hex").toString("base64") },
      },
    ],
    certificateAuthorities: [
      { subject: { organization: "test", commonName: "authority" }, uri: "https://ca.example", certChain: { certificates: [{ rawBytes: ca.raw.toString("base64") }] }, validFor },
    ],
    ctlogs: [],
    timestampAuthorities: [],
  });
  const promise = (record: object, at: number): LogEntry => {
    const body = Buffer.from(canonicalJson(record)).toString("base64");
    const Payload = { body, integratedTime: at, logIndex: 7, logID: logId };
    const signed = sign("sha256", Buffer.from(canonicalJson(Payload)), log.privateKey);
    return { SignedEntryTimestamp: signed.toString("base64"), Payload };
  };
  const promiseOf = (envelope: Envelope, certificate: string, at: number): LogEntry => {
    const { payload, signatures } = envelope;
    const verifier = Buffer.from(certificate).toString("base64");
    const spec = {
      envelopeHash: { algorithm: "sha256", value: digestHex(sha256(JSON.stringify(envelope))) },
      payloadHash: { algorithm: "sha256", value: digestHex(sha256(Buffer.from(payload, "base64"))) },
      signatures: signatures.map(({ sig }) => ({ signature: sig, verifier })),
    };
    return promise({ apiVersion: "0.0.1", kind: "dsse", spec }, at);
  };
  return {
    trustedRoot,
    authority: ca.toString(),
    log: log.pem,
    certify: async (key, subject, issuer) => {
      await writeFile(path("leaf.key"), key.privateKey.export({ type: "pkcs8", format: "pem" }));
      const san = subject.includes("://") ? `URI:${subject}` : `email:${subject}`;
      const extensions = [
        "keyUsage=critical,digitalSignature",
        "extendedKeyUsage=codeSigning",
        "basicConstraints=critical,CA:FALSE",
        `subjectAltName=critical,${san}`,
        `1.3.6.1.4.1.57264.1.1=DER:${Buffer.from(issuer).toString("hex")}`,
      ];
      await writeFile(path("leaf.ext"), extensions.join("\n"));
      await openssl("req", "-new", "-key", "leaf.key", "-subj", "/", "-out", path("leaf.csr"));
      await openssl("x509", "-req", "-in", "leaf.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-sha256", "-days", "1", "-extfile", "leaf.ext", "-out", path("leaf.pem"));
      return readFile(path("leaf.pem"), "utf8");
    },
    enter: (payload, key, certificate, at, change = (entry) => entry) => {
      const signature = signBytes(key, payload);
      const publicKey = { content: Buffer.from(certificate).toString("base64") };
      const data = { hash: { algorithm: "sha256", value: digestHex(sha256(payload)) } };
      const spec = { data, signature: { content: signature, publicKey } };
      const entry = promise({ apiVersion: "0.0.1", kind: "hashedrekord", spec }, at);
      return {
        mediaType: simpleSigning,
        bytes: payload,
        annotations: {
          "dev.cosignproject.cosign/signature": signature,
          "dev.sigstore.cosign/certificate": certificate,
          "dev.sigstore.cosign/bundle": JSON.stringify(change(entry)),
        },
      };
    },
    envelope: (envelope, certificate, at) => ({
      mediaType: "application/vnd.dsse.envelope.v1+json",
      bytes: Buffer.from(JSON.stringify(envelope)),
      annotations: {
        "dev.sigstore.cosign/certificate": certificate,
        "dev.sigstore.cosign/bundle": JSON.stringify(promiseOf(envelope, certificate, at)),
      },
    }),
    bundle: (envelope, certificate, at) => {
      const { SignedEntryTimestamp, Payload } = promiseOf(envelope, certificate, at);
      const tlogEntry = {
        logIndex: String(Payload.logIndex),
        logId: { keyId: Buffer.from(logId, "hex").toString("base64") },
        kindVersion: { kind: "dsse", version: "0.0.1" },
        integratedTime: String(at),
        inclusionPromise: { signedEntryTimestamp: SignedEntryTimestamp },
        canonicalizedBody: Payload.body,
      };
      const certificates = [{ rawBytes: new X509Certificate(certificate).raw.toString("base64") }];
      const bundle = {
        mediaType: "application/vnd.dev.sigstore.bundle+json;version=0.1",
        verificationMaterial: { x509CertificateChain: { certificates }, tlogEntries: [tlogEntry] },
        dsseEnvelope: envelope,
      };
      return { mediaType: bundleType, bytes: Buffer.from(JSON.stringify(bundle)) };
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

function spkiOf(key: KeyObject): Buffer {
  return key.export({ type: "spki", format: "der" });
}
