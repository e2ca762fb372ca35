import { createHmac, generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

type Claims = Readonly<Record<string, unknown>>;

/** An issuer of OpenID tokens, as GitHub Actions is one: discovery, keys, and tokens of a workflow's job. */
export interface Issuer {
  readonly address: string;
  /** How often it was asked, by path. */
  readonly asked: Map<string, number>;
  /** A token of a job, signed; `more` are claims in place of the usual ones, undefined for none. */
  readonly token: (more?: Claims, header?: Claims) => string;
  /** The same with nobody's signature, and with the public key taken for a shared secret. */
  readonly unsigned: (more?: Claims) => string;
  readonly signedByPublicKey: (more?: Claims) => string;
  /** Takes a new key; tokens are signed with it from now on, and only it is published. */
  readonly rotate: () => void;
  /** Has a path answered by `answer` in place of what stands there. */
  readonly answer: (path: string, answer: (response: ServerResponse) => void) => void;
  close(): Promise<void>;
}

/** The workflow that the usual token is of, as its certificate names it. */
export const workflow = "https://github.com/acme/deploy/.github/workflows/release.yml@refs/heads/main";

export interface IssuerOptions {
  readonly now?: () => number;
  /** `sigstore` without it. */
  readonly audience?: string;
}

export async function startIssuer({ now = Date.now, audience = "sigstore" }: IssuerOptions = {}): Promise<Issuer> {
  const makeKey = () => generateKeyPairSync("rsa", { modulusLength: 2048 });
  let turn = 1;
  let key: { privateKey: KeyObject; publicKey: KeyObject } = makeKey();
  const kid = (): string => `key-${turn}`;
  const asked = new Map<string, number>();
  const answers = new Map<string, (response: ServerResponse) => void>();
  const server = createServer((request, response) => {
    const path = request.url ?? "/";
    asked.set(path, (asked.get(path) ?? 0) + 1);
    const other = answers.get(path);
    if (other !== undefined) return other(response);
    const keys = [{ ...key.publicKey.export({ format: "jwk" }), use: "sig", alg: "RS256", kid: kid() }];
    const body =
      path === "/keys"
        ? { keys }
        : {
            issuer: address,
            jwks_uri: `${address}/keys`,
            authorization_endpoint: `${address}/authorize`,
            token_endpoint: `${address}/token`,
            authorization_response_iss_parameter_supported: true,
            id_token_signing_alg_values_supported: ["RS256"],
            response_types_supported: ["id_token"],
            subject_types_supported: ["public"],
          };
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const unsignedParts = (header: Claims, more: Claims): string => {
    const at = Math.floor(now() / 1000);
    const times = { iss: address, aud: audience, iat: at, nbf: at, exp: at + 600 };
    return `${part({ typ: "JWT", kid: kid(), ...header })}.${part({ ...times, ...job, ...more })}`;
  };
  return {
    address,
    asked,
    token: (more = {}, header = {}) => {
      const signed = unsignedParts({ alg: "RS256", ...header }, more);
      return `${signed}.${sign("sha256", Buffer.from(signed), key.privateKey).toString("base64url")}`;
    },
    unsigned: (more = {}) => `${unsignedParts({ alg: "none" }, more)}.`,
    signedByPublicKey: (more = {}) => {
      const signed = unsignedParts({ alg: "HS256" }, more);
      const secret = key.publicKey.export({ format: "pem", type: "spki" });
      return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
    },
    rotate: () => {
      turn += 1;
      key = makeKey();
    },
    answer: (path, answer) => void answers.set(path, answer),
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

/** What GitHub says of a job. GitHub, "OpenID Connect reference", the OIDC token. */
const job = {
  sub: "repo:acme/deploy:ref:refs/heads/main",
  job_workflow_ref: "acme/deploy/.github/workflows/release.yml@refs/heads/main",
  job_workflow_sha: "a".repeat(40),
  workflow_ref: "acme/deploy/.github/workflows/release.yml@refs/heads/main",
  workflow_sha: "a".repeat(40),
  sha: "a".repeat(40),
  event_name: "push",
  repository: "acme/deploy",
  repository_id: "1",
  repository_owner: "acme",
  repository_owner_id: "2",
  repository_visibility: "private",
  workflow: "release",
  ref: "refs/heads/main",
  runner_environment: "github-hosted",
  run_id: "7",
  run_attempt: "1",
};
