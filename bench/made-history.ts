import { createHash } from "node:crypto";
import { parseConfig, type Config } from "../src/core/config/index.ts";
import { deadlinesOf, type ExposureEnd, type SeverityLevel } from "../src/core/exposure/index.ts";
import type { DerivedExposures, Exposure, ExposureRebuild, Store } from "../src/io/store/index.ts";
import { sha256, type Instant } from "../src/lib/index.ts";
import { labelsOf, sloPolicy } from "../src/loop/expose/index.ts";

const hour = 3_600_000;
const week = 7 * 24 * hour;
const weeks = 52;
const advisoriesEachWeek = 3;
/** Images of one base are hit by the same advisories. */
const bases = 50;
const teams = 40;
const tiers = ["gold", "silver", "bronze"];
const places = ["staging", "production"] as const;

/** A year of a fleet: what was made, for the bench to check that it is told. */
export interface MadeHistory {
  readonly config: Config;
  readonly exposures: number;
  readonly rebuilds: number;
  readonly auditRows: number;
  /** Of production. */
  readonly opened: number;
  readonly open: number;
  /** From the fix to production, each in milliseconds, of what ended in the year. */
  readonly fix: readonly number[];
  /** One that hit some, and how many lives it has. */
  readonly advisory: { readonly id: string; readonly lives: number };
  readonly writeMs: number;
}

/**
 * Writes a year of `images` images in two environments, as the loop would have: three advisories a week, each of a fifth of the bases; what has one is rebuilt, is in staging within a day and in production within
 * days, and one in fifty is stuck. 120 sets of labels. Exposures and counts go in by the store's own way, other rows by SQL.
 */
export async function writeHistory(store: Store, images: number, now: Instant): Promise<MadeHistory> {
  const config = configOf(images);
  const names = Object.keys(config.images);
  await store.saveImages(
    names.map((name) => ({ name, repository: name, definition: {}, recipeKey: "recipe", parents: [] })),
  );
  await store.noteAllExposures();
  const made: DerivedExposures[] = [];
  const started = performance.now();
  for (let isMore = true; isMore;) {
    const renewed = await store.renewExposures(500, ({ images: asked }) => {
      const all = asked.map(({ name }) => yearOf(config, name, now));
      const derived = {
        exposures: all.flatMap(({ exposures }) => exposures),
        rebuilds: all.flatMap(({ rebuilds }) => rebuilds),
      };
      made.push(derived);
      return derived;
    });
    ({ isMore } = renewed);
  }
  const writeMs = Math.round(performance.now() - started);
  const auditRows = await writeRows(store, now);
  const exposures = made.flatMap((one) => one.exposures);
  const own = exposures.filter(({ environment }) => environment === "production");
  const id = own[own.length >> 1]?.advisory ?? "";
  return {
    config,
    exposures: exposures.length,
    rebuilds: made.reduce((sum, one) => sum + one.rebuilds.length, 0),
    auditRows,
    opened: own.length,
    open: own.filter(({ closed }) => closed === null).length,
    fix: own.flatMap(({ closed, endKind, detected, fixAvailable }) =>
      closed === null || endKind !== "deployed" ? [] : [closed - Math.max(detected, fixAvailable ?? detected)],
    ),
    advisory: { id, lives: exposures.filter(({ advisory }) => advisory === id).length },
    writeMs,
  };
}

function configOf(images: number): Config {
  const declared = Array.from({ length: images }, (_, at) => [
    `image-${at}`,
    {
      recipe: "packages",
      upstream: "debian",
      packages: ["openssl"],
      labels: { team: `team-${at % teams}`, tier: tiers[at % tiers.length] },
    },
  ]);
  const parsed = parseConfig(
    JSON.stringify({
      version: 1,
      upstreams: { debian: { kind: "debian", codename: "bookworm" } },
      environments: places.map((name) => ({ name })),
      slo: { presets: ["kev", "chainguard"], labels: ["team", "tier"] },
      images: Object.fromEntries(declared),
    }),
    {},
  );
  if (parsed.kind === "invalid") throw new Error(JSON.stringify(parsed.problems.slice(0, 3)));
  return parsed.config;
}

/** A number from 0 to 1 that follows from the words. */
function chance(...words: (string | number)[]): number {
  return createHash("md5").update(words.join(" ")).digest().readUInt32BE(0) / 2 ** 32;
}

function yearOf(config: Config, image: string, now: Instant): { exposures: Exposure[]; rebuilds: ExposureRebuild[] } {
  const base = Number(image.slice("image-".length)) % bases;
  const exposures: Exposure[] = [];
  const rebuilds: ExposureRebuild[] = [];
  for (let past = weeks; past > 0; past -= 1) {
    const hits: Exposure[] = [];
    for (let number = 0; number < advisoriesEachWeek; number += 1) {
      const advisory = `CVE-2026-${(weeks - past) * 100 + number + 10_000}`;
      if (chance(advisory, base) > 0.2) continue;
      const at = now - past * week + Math.floor(chance(advisory) * 5 * 24 * hour);
      for (const environment of places) hits.push(lifeOf(config, { image, environment, advisory }, at, now));
    }
    exposures.push(...hits);
    const last = hits.find(({ environment, closed }) => environment === "production" && closed !== null);
    // A base moves in other weeks as well, and nothing is cured by that.
    if (last === undefined && chance(image, past, "base") > 0.2) continue;
    const finished = last?.closed ?? now - past * week + Math.floor(chance(image, past) * week);
    if (finished > now) continue;
    rebuilds.push({
      rebuild: uuidOf(image, past),
      image,
      state: chance(image, past, "fails") < 0.03 ? "failed" : "promoted",
      finished,
      labels: labelsOf(config, image),
      closed: last === undefined ? 0 : 1,
    });
  }
  return { exposures, rebuilds };
}

function lifeOf(
  config: Config,
  place: Pick<Exposure, "image" | "environment" | "advisory">,
  published: Instant,
  now: Instant,
): Exposure {
  const { image, environment, advisory } = place;
  const luck = chance(image, advisory);
  const fixAvailable = published + Math.floor(chance(advisory, "fix") * 6 * hour);
  const detected = fixAvailable + Math.floor(chance(image, advisory, "seen") * hour);
  const took = (environment === "staging" ? 1 : 12) * hour * Math.exp(2 * chance(environment, image, advisory));
  const closed = detected + Math.floor(luck < 0.02 ? took * 100 : took);
  const isClosed = closed <= now;
  const endKind: ExposureEnd = luck > 0.97 ? "vex" : "deployed";
  const level = chance(advisory, "level");
  const severity: SeverityLevel = level < 0.1 ? "critical" : level < 0.4 ? "high" : level < 0.9 ? "medium" : "low";
  const built = detected + Math.floor((closed - detected) / 4);
  const known = {
    severity,
    labels: labelsOf(config, image),
    exploitedSince: level < 0.02 ? detected : null,
    kevDue: level < 0.02 ? detected + 2 * week : null,
    published,
    fixAvailable,
    detected,
    closed: isClosed ? closed : null,
    endKind: isClosed ? endKind : null,
  };
  const policy = sloPolicy(config);
  const deadlines = deadlinesOf({ ...known, environment }, policy.rules);
  return {
    ...place,
    ...known,
    life: 1,
    turn: 1,
    aliases: [`DSA-${advisory.slice(-4)}-1`],
    built: built <= now ? built : null,
    verified: built <= now ? built : null,
    promoted: isClosed ? closed : null,
    deployed: isClosed ? closed : null,
    digest: built <= now ? sha256(`${image} ${advisory}`) : null,
    sources: { published: "the advisory", detected: "osv", closed: "the deployment shop" },
    due: Object.fromEntries(deadlines.map((one) => [one.framework, one.at])),
    dueAt: deadlines[0]?.at ?? null,
    dueRule: deadlines[0]?.rule ?? null,
    warnAt: deadlines[0]?.at ?? null,
  };
}

/** What environments name, and what the audit chain tells of each rebuild: without hashes that fit, which no list asks for. */
async function writeRows(store: Store, now: Instant): Promise<number> {
  const session = await store.engine.acquire();
  try {
    const at = new Date(now).toISOString();
    await session.script("alter table image_digest disable trigger exposure_digest");
    await session.script(
      `insert into image_digest (image, digest, platforms, inventories, recipe_key, created_at)
       select name, 'sha256:' || lpad(md5(name), 64, '0'), '["linux/amd64"]', '{}', 'recipe',
              timestamptz '${at}' - make_interval(hours => abs(hashtext(name)) % 400)
         from image`,
    );
    await session.script("alter table image_digest enable trigger exposure_digest");
    await session.script(
      `insert into pointer (image, environment, digest, since)
       select name, e, 'sha256:' || lpad(md5(name), 64, '0'), timestamptz '${at}' from image, unnest('{staging,production}'::text[]) e`,
    );
    await session.script(
      `insert into audit (seq, at, actor, action, detail, previous, hash)
       select 1000 + row_number() over (order by r.finished, r.rebuild, w.action), r.finished, 'tidemill', w.action,
              jsonb_build_object('image', r.image, 'rebuild', r.rebuild, 'environment', w.place, 'reason', 'DSA-1',
                                 'digest', 'sha256:' || lpad(md5(r.rebuild::text), 64, '0')), '', ''
         from exposure_rebuild r,
              (values ('rebuild-planned', null), ('rebuild-built', null), ('verified', 'staging'), ('promoted', 'staging'),
                      ('verified', 'production'), ('promoted', 'production'), ('deployed', 'production')) w (action, place)`,
    );
    const { rows } = await session.query("select count(*)::int as n from audit");
    await session.script("analyze");
    return Number(rows[0]?.n);
  } finally {
    await store.engine.release(session);
  }
}

function uuidOf(...words: (string | number)[]): string {
  const hex = createHash("md5").update(words.join(" ")).digest("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
