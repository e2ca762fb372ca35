import { parseOpenVex, type VexStatement } from "../../core/advisory/index.ts";
import { parseDocument } from "../../core/image/index.ts";
import { RegistryError, type Repository } from "../../io/registry/index.ts";
import { readSignedVex } from "../../io/sign/index.ts";
import { canonicalJson, messageOf, printable, shortDigest, type Digest } from "../../lib/index.ts";
import type { FollowedBase } from "../followed-base.ts";
import type { BaseSources } from "./look-at-base.ts";
import type { WatchBasesContext } from "./watch-bases.ts";

/** What is attested may come long after the image; it is no reason to ask at every look. */
const askEveryMs = 3_600_000;
const mostStatements = 20_000;
const mostPlatforms = 20;

/**
 * Asks for what the owner of a base says of the vulnerabilities of the digest that is believed, once an hour, and puts it down in place of what it said before. Only a base of which it is said who signs it is
 * asked: what nobody vouches for sets nothing aside. Where it cannot be asked, what was said before stands, and the registry is asked at the next look.
 */
export async function askBaseVex(
  ctx: WatchBasesContext,
  base: FollowedBase,
  believed: Digest | undefined,
  { registries, asker }: BaseSources,
): Promise<void> {
  const { registry, repository, signature: policy, name } = base;
  if (policy === undefined || believed === undefined) return;
  const before = await ctx.store.loadBaseVexAsked(name, believed);
  const age = before === undefined ? Infinity : ctx.clock.now() - before.askedAt;
  // A clock that was set back is no reason to ask no more.
  if (age >= 0 && age < askEveryMs) return;
  try {
    const place = registries.repository({ registry, repository });
    asker.spend(registry);
    const digests = await digestsOf(place, believed, ctx.signal);
    // The list of referrers, and the tag.
    digests.forEach(() => [asker.spend(registry), asker.spend(registry)]);
    const { found, problems } = await readSignedVex(place, digests, policy, ctx.signal);
    const said = found.map(({ value, by }) => ({ by, parsed: parseOpenVex(value) }));
    const statements = said.flatMap(({ by, parsed }) =>
      parsed.kind === "bad" ? [] : parsed.statements.map((one) => signedBy(one, by)),
    );
    const wrong = [
      ...problems,
      ...said.flatMap(({ parsed }) => (parsed.kind === "bad" ? [parsed.problem] : parsed.problems)),
      ...(statements.length > mostStatements
        ? [`only ${mostStatements} of ${statements.length} statements count`]
        : []),
    ].map((problem) => printable(problem.slice(0, 500)));
    await ctx.store.saveBaseVex({
      base: name,
      digest: believed,
      digests,
      statements: statements.slice(0, mostStatements),
      problems: wrong.slice(0, 20),
    });
    if (wrong.length > 0 && canonicalJson(wrong.slice(0, 20)) !== canonicalJson(before?.problems ?? []))
      ctx.emit({ kind: "note", message: `${name}: ${wrong.slice(0, 3).join("; ")}` });
  } catch (error) {
    ctx.signal.throwIfAborted();
    // What was said before stands. A spent budget is the same as waiting for the next look.
    if (error instanceof RegistryError && error.code === "BUDGET_SPENT") return;
    const message = `${name}: what its owner says of the vulnerabilities of ${shortDigest(believed)} could not be asked: ${messageOf(error)}`;
    ctx.log.warn({ base: name, err: error }, printable(message));
  }
}

/** A digest, and those of the platforms of an index. */
async function digestsOf(place: Repository, digest: Digest, signal: AbortSignal): Promise<Digest[]> {
  const raw = await place.manifest(digest, signal);
  if (raw === undefined) return [digest];
  const document = parseDocument(raw);
  if (document.kind !== "index") return [digest];
  const platforms = document.index.manifests.filter(
    ({ platform }) => platform !== undefined && platform.os !== "unknown",
  );
  return [digest, ...platforms.slice(0, mostPlatforms).map((one) => one.digest)];
}

function signedBy(statement: VexStatement, by: string): VexStatement {
  const { author } = statement;
  return { ...statement, author: author === by ? author : `${author} (signed by ${by})` };
}
