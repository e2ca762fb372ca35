import { parseConfig, type Config } from "../../../core/config/index.ts";
import { createNews } from "../../../io/forge/index.ts";
import type { Store } from "../../../io/store/index.ts";
import { declareImages, digestOf, planned, takeLease } from "../../../io/store/testdata/given.ts";
import { silentLogger, type Clock } from "../../../lib/index.ts";
import { tellForges } from "../index.ts";

export const firstCommit = "1".repeat(40);
export const secondCommit = "2".repeat(40);

export type ForgeKind = "github" | "gitlab" | "gitea";

/** A fleet of two images whose commits lie at a forge, and one that nobody asked for. */
export function tellConfig(kind: ForgeKind, api: string, otherApi = api): Config {
  const image = (at: string) =>
    `{ recipe: dockerfile, git: { url: "https://git.example/acme/stack.git", ref: main }, report: { provider: ${kind}, api: "${at}", repository: acme/stack } }`;
  const parsed = parseConfig(
    `version: 1
upstreams: {}
environments: [{ name: staging }, { name: production }]
images:
  web: ${image(api)}
  other: ${image(otherApi)}
  quiet: { recipe: dockerfile, git: { url: "https://git.example/acme/stack.git", ref: main } }
`,
    {},
  );
  if (parsed.kind === "ok") return parsed.config;
  throw new Error(parsed.problems.map(({ message }) => message).join("\n"));
}

/** Has an image built from a commit, verified in both environments, and, where that is asked, moved into production. */
export async function build(
  store: Store,
  image: string,
  letter: string,
  commit: string,
  more: { readonly verdict?: "passed" | "failed"; readonly promote?: "intent" | "confirmed" } = {},
): Promise<void> {
  if (!(await store.loadImages()).some(({ name }) => name === image)) await declareImages(store, "web", "other", "quiet");
  await store.savePlan({ detail: {}, rebuilds: [planned(image)] });
  const lease = await takeLease(store, image);
  const digest = digestOf(letter);
  const candidate = { digest, platforms: ["linux/amd64"], inventories: {}, recipeKey: "recipe", baseDigests: [] };
  await store.saveCandidate(lease, { ...candidate, detail: { origin: { source: commit } } });
  const { verdict = "passed", promote } = more;
  for (const environment of ["staging", "production"])
    await store.saveVerification(lease, { digest, environment, verdict, checks: [], startedAt: Number(commit[0]) });
  if (promote === undefined) return;
  const asked = { image, environment: "production", digest, kind: "forward", by: "tidemill", reason: "verified" } as const;
  const intent = await store.saveIntent(asked, lease);
  if (intent.kind !== "saved") throw new Error(intent.kind);
  if (promote === "confirmed") await store.savePromotion(intent.promotion, lease, { state: "promoted" });
}

/** Tells the forges what there is to tell; gives what could not be said for some time. */
export function tellOnce(store: Store, config: Config, clock: Clock): Promise<string | undefined> {
  const ctx = { config, store, clock, log: silentLogger(), signal: new AbortController().signal };
  return tellForges(ctx, ({ kind, api, repository }) =>
    createNews({ kind, api, repository, token: "made-up-token" }),
  );
}
