import { generateKeyPairSync, sign } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** An issuer of OpenID tokens, as GitHub Actions is one: discovery, keys, and tokens of a workflow's job. */
export interface Issuer {
  readonly address: string;
  /** A token of a job, signed; `more` are claims in place of the usual ones. */
  readonly token: (more?: Readonly<Record<string, unknown>>) => string;
  close(): Promise<void>;
}

/** The workflow that the usual token is of, as its certificate names it. */
export const workflow = "https://github.com/acme/deploy/.github/workflows/release.yml@refs/heads/main";

export async function startIssuer(): Promise<Issuer> {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const server = createServer((request, response) => {
    const keys = [{ ...publicKey.export({ format: "jwk" }), use: "sig", alg: "RS256", kid: "one" }];
    const body =
      request.url === "/keys"
        ? { keys }
        : {
            issuer: address,
            jwks_uri: `${address}/keys`,
            authorization_endpoint: address,
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
  return {
    address,
    token: (more = {}) => {
      const now = Math.floor(Date.now() / 1000);
      const times = { iss: address, aud: "sigstore", iat: now, nbf: now, exp: now + 600 };
      const signed = `${part({ alg: "RS256", typ: "JWT", kid: "one" })}.${part({ ...times, ...job, ...more })}`;
      return `${signed}.${sign("sha256", Buffer.from(signed), privateKey).toString("base64url")}`;
    },
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
