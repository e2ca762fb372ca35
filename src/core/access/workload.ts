import { textOf, type AccessRule, type Claims } from "./access-rule.ts";

/** Whose tokens count, and for what. */
export interface WorkloadRule extends AccessRule {
  /** Address of the issuer, as its tokens have it. */
  readonly issuer: string;
  /** Whom its tokens have to be made out for. */
  readonly audience: string;
}

/** A workload as the record has it. */
export interface DescribedWorkload {
  /** `github:org/app@refs/heads/main`; of other issuers their host stands before it. At most 200 characters. */
  readonly name: string;
  /** Which of its runs, as its issuer counts them; undefined where it does not say. */
  readonly run: string | undefined;
}

/** Issuers that make tokens out for anybody in the world who asks. */
export const openIssuers: ReadonlyMap<string, { readonly name: string; readonly owners: readonly string[] }> = new Map([
  [
    "https://token.actions.githubusercontent.com",
    {
      name: "github",
      owners: ["repository", "repository_id", "repository_owner", "repository_owner_id", "sub"],
    },
  ],
  [
    "https://gitlab.com",
    {
      name: "gitlab",
      owners: ["project_path", "project_id", "namespace_path", "namespace_id", "sub"],
    },
  ],
]);

/** What the record calls a workload. GitHub, "OpenID Connect reference"; GitLab, "ID token authentication", token payload. */
export function describeWorkload(issuer: string, claims: Claims): DescribedWorkload {
  const place = openIssuers.get(issuer)?.name ?? new URL(issuer).host;
  const repository = textOf(claims, "repository") ?? textOf(claims, "project_path");
  const ref = textOf(claims, "ref");
  const what =
    repository === undefined ? (textOf(claims, "sub") ?? "?") : ref === undefined ? repository : `${repository}@${ref}`;
  const run = textOf(claims, "run_id") ?? textOf(claims, "job_id");
  return {
    name: `${place}:${plain(what)}`.slice(0, 200),
    run: run === undefined ? undefined : plain(run).slice(0, 50),
  };
}

function plain(text: string): string {
  return text.replaceAll(/[^\x21-\x7e]/g, "?");
}
