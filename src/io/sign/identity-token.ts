import { readFile } from "node:fs/promises";
import { z } from "zod";
import { parseJson } from "../../core/signature/index.ts";
import { messageOf, printable, runInGroup, tryShape } from "../../lib/index.ts";
import { askForBytes, type Patience } from "./ask-for-bytes.ts";
import { SignError } from "./error.ts";

/** Where the token comes from that says who we are. */
export type TokenSource =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "variable"; readonly name: string }
  | { readonly kind: "command"; readonly command: readonly string[]; readonly env: Env; readonly timeoutMs: number }
  /** Of the job that runs, in GitHub Actions with `id-token: write`. */
  | { readonly kind: "github" }
  /** GitHub's where there is one, else GitLab's `SIGSTORE_ID_TOKEN`, else the file that cosign looks for. */
  | { readonly kind: "ambient" };

type Env = Readonly<Record<string, string>>;

/** An OpenID token, as its issuer signed it. Whether it is believed is for the certificate authority to say. */
export interface IdentityToken {
  readonly raw: string;
  /** What the authority wants signed to see that the key is ours. */
  readonly challenge: string;
}

const maxToken = 16_384;
const ambientFile = "/var/run/sigstore/cosign/oidc-token";
const ambientVariable = "SIGSTORE_ID_TOKEN";
const claims = z.object({
  iss: z.string().max(2000),
  sub: z.string().min(1).max(2000),
  aud: z.union([z.string().max(2000), z.array(z.string().max(2000)).max(20)]),
  exp: z.number(),
  email: z.string().max(320).optional(),
  email_verified: z.union([z.boolean(), z.string()]).optional(),
});

/**
 * The token of a source, for `audience`, fresh each time: tokens live for minutes. Throws NO_TOKEN where there is none, or it is for somebody else or over. OpenID Connect Core 1.0, 2.
 */
export async function readIdentityToken(
  source: TokenSource,
  audience: string,
  env: Readonly<Record<string, string | undefined>>,
  patience: Patience,
): Promise<IdentityToken> {
  const raw = (await fetchToken(source, audience, env, patience)).trim();
  const wrong = (why: string): SignError =>
    new SignError("NO_TOKEN", `the identity token of ${describeSource(source)} ${why}`, { hint });
  const parts = raw.split(".");
  if (raw.length > maxToken || parts.length !== 3 || !parts.every((part) => /^[A-Za-z0-9_-]+$/.test(part)))
    throw wrong("is none");
  const parsed = tryShape(claims, parseJson(Buffer.from(parts[1] ?? "", "base64url")));
  if (!parsed.success) throw wrong("lacks what OpenID Connect demands");
  const { aud, exp, sub, email, email_verified: verified } = parsed.data;
  if (![aud].flat().includes(audience))
    throw wrong(`is for ${printable([aud].flat().join(", "))}, not for ${audience}`);
  if (exp * 1000 <= patience.clock.now()) throw wrong(`ended at ${new Date(exp * 1000).toISOString()}`);
  // The same rule as cosign's: an address counts as a name once its issuer says that it was verified.
  const isMail = email !== undefined && (verified === true || verified === "true");
  return { raw, challenge: isMail ? email : sub };
}

const hint =
  "The job has to be allowed to ask for one: `id-token: write` on GitHub, `id_tokens: { SIGSTORE_ID_TOKEN: { aud: sigstore } }` on GitLab, a projected service account token on Kubernetes.";

async function fetchToken(
  source: TokenSource,
  audience: string,
  env: Readonly<Record<string, string | undefined>>,
  patience: Patience,
): Promise<string> {
  switch (source.kind) {
    case "file":
      return readTokenFile(source.path);
    case "variable":
      return variable(env, source.name);
    case "command":
      return runCommand(source);
    case "github":
      return askGitHub(audience, env, patience);
    case "ambient":
      if ((env[githubUrl] ?? "") !== "") return askGitHub(audience, env, patience);
      return (env[ambientVariable] ?? "") === "" ? readTokenFile(ambientFile) : variable(env, ambientVariable);
  }
}

async function readTokenFile(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new SignError("NO_TOKEN", `the identity token ${path} cannot be read: ${messageOf(cause)}`, { hint, cause });
  }
}

function variable(env: Readonly<Record<string, string | undefined>>, name: string): string {
  const value = env[name] ?? "";
  if (value !== "") return value;
  throw new SignError("NO_TOKEN", `${name} is not set: it holds the identity token`, { hint });
}

const githubUrl = "ACTIONS_ID_TOKEN_REQUEST_URL";
const githubToken = "ACTIONS_ID_TOKEN_REQUEST_TOKEN";
const githubAnswer = z.object({ value: z.string().max(maxToken) });

/** GitHub, "OpenID Connect reference", requesting the JWT. */
async function askGitHub(
  audience: string,
  env: Readonly<Record<string, string | undefined>>,
  patience: Patience,
): Promise<string> {
  const address = variable(env, githubUrl);
  if (!URL.canParse(address)) throw new SignError("NO_TOKEN", `${githubUrl} is no address`, { hint });
  const url = new URL(address);
  url.searchParams.set("audience", audience);
  const question = {
    what: "GitHub's issuer of tokens",
    url: url.href,
    method: "GET" as const,
    headers: { authorization: `Bearer ${variable(env, githubToken)}`, accept: "application/json" },
    maxBytes: 65_536,
  };
  const parsed = tryShape(githubAnswer, parseJson(await askForBytes(question, patience)));
  if (parsed.success) return parsed.data.value;
  throw new SignError("NO_TOKEN", "GitHub's issuer of tokens answered no token", { hint, retry: true });
}

async function runCommand({ command, env, timeoutMs }: Extract<TokenSource, { kind: "command" }>): Promise<string> {
  let printed = Buffer.alloc(0);
  const ended = await runInGroup({
    command,
    env,
    timeoutMs,
    onOutput: (piece, stream) => {
      if (stream === "stdout" && printed.length <= maxToken) printed = Buffer.concat([printed, piece]);
    },
  });
  if (ended.kind === "ended" && ended.status === 0) return printed.toString();
  const why = ended.kind === "not started" ? `cannot be started: ${ended.reason}` : "gave none";
  throw new SignError("NO_TOKEN", `the program that gives the identity token, ${command[0] ?? ""}, ${why}`, {
    hint: "It prints the token, and nothing else, and ends with 0.",
    retry: ended.kind !== "not started",
  });
}

function describeSource(source: TokenSource): string {
  if (source.kind === "file") return source.path;
  return source.kind === "variable" ? source.name : source.kind;
}
