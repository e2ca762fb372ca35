import { detectCi, eventFileOf, readByPage, tokenNames, type CiPlace, type Env } from "../core/ci/index.ts";
import { readTextFile, secretForms } from "../lib/index.ts";
import type { Asked } from "./command.ts";
import { UsageError } from "./usage-error.ts";

const mostEventBytes = 32 * 1_048_576;

/** Where this job runs, by its environment, its event, and what the command line says instead. Throws BAD_USAGE. */
export async function readCiPlace(env: Env, asked: Asked): Promise<CiPlace> {
  const file = eventFileOf(env);
  const found = detectCi(env, file === undefined ? undefined : await readEvent(file));
  const page = asked.text("pull-request");
  const sha = asked.text("commit");
  if (page === undefined && sha === undefined) return found;
  if (sha !== undefined && !/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(sha))
    throw new UsageError("BAD_USAGE", "--commit is no commit", { hint: "All of its hexadecimal digits." });
  const said = readByPage({ page, git: "", sha: sha ?? found.commit?.sha, isFork: false, run: undefined });
  if (page !== undefined && said.pull === undefined)
    throw new UsageError("BAD_USAGE", "--pull-request is no address of a pull request", {
      hint: "As https://github.com/acme/shop/pull/7, https://git.example/acme/shop/pulls/7, https://gitlab.example/acme/shop/-/merge_requests/7.",
    });
  const commit = page === undefined ? found.commit && sha && { ...found.commit, sha } : said.commit;
  return { ...found, pull: said.pull ?? found.pull, commit: commit || undefined };
}

/** An event that cannot be read tells of no pull request. */
async function readEvent(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readTextFile(path, mostEventBytes)) as unknown;
  } catch {
    return undefined;
  }
}

/** The token for a forge, and which variables may hold one. */
export function tokenFor(env: Env, kind: keyof typeof tokenNames): { token: string | undefined; names: string } {
  const names = tokenNames[kind];
  const token = names.map((name) => env[name]).find((value) => value !== undefined && value !== "");
  return { token, names: names.join(", ") };
}

/** What must stand in nothing that a job shows: everything that its environment calls a token, password, secret or key. */
export function secretsOf(env: Env): string[] {
  const isSecret = /(?:TOKEN|PASSWORD|PASSWD|SECRET|CREDENTIALS?|PRIVATE_KEY|API_KEY)$/i;
  const secrets = Object.entries(env).flatMap(([name, value]) =>
    isSecret.test(name) && value !== undefined && value.length >= 8 ? [value] : [],
  );
  return secretForms(secrets);
}
