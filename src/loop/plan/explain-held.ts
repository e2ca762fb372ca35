import type { Plan, PlanImage } from "../../core/plan/index.ts";
import type { HeldCure } from "../../core/remedy/index.ts";
import type { Detail, Hold, Quarantine } from "../../io/store/index.ts";
import { shortDigest, type Digest, type Instant } from "../../lib/index.ts";
import type { Context } from "../context.ts";

/** What tells why something is kept out. */
export interface HeldFacts {
  readonly plan: Plan;
  readonly images: readonly PlanImage[];
  readonly holds: readonly Hold[];
  readonly quarantines: readonly Quarantine[];
  /** The images that an image starts from, and itself. */
  readonly lineageOf: (image: string) => readonly string[];
}

/** Where an image is open to what is held. */
export interface OpenPlace {
  readonly image: string;
  readonly environments: readonly string[];
}

interface Explained {
  /** Of what is held, as text. */
  readonly version: string;
  readonly alarm: { readonly message: string; readonly hint: string; readonly detail: Detail };
}

/** Why it is held, since when, and what to type. */
interface Reason {
  readonly why: string;
  readonly since: Instant | null;
  /** One sentence each. */
  readonly steps: readonly string[];
  readonly detail: Detail;
}

/** What a person is told of a cure that is held: where images are open, to what, what would close it, why that does not come, and what to type. */
export async function explainHeld(
  ctx: Pick<Context, "store">,
  facts: HeldFacts,
  cure: HeldCure,
  open: readonly OpenPlace[],
): Promise<Explained> {
  const { image, advisory, exploited, item } = cure;
  const reason = await findReason(ctx, facts, cure);
  const version = item.kind === "base" && isDigest(item.version) ? shortDigest(item.version) : (item.version ?? "");
  const name =
    item.kind === "base" ? `${item.name}${version === "" ? "" : ` at ${version}`}` : `${item.name} ${version}`;
  const how = exploited ? "which is known to be exploited" : "which is critical";
  const own = open.find((one) => one.image === image) ?? open[0];
  const where = own === undefined ? "" : ` in ${own.environments.join(" and ")}`;
  const since = reason.since === null ? "" : ` since ${isoMinute(reason.since)}`;
  const message = `${own?.image ?? image} is open to ${advisory}${where}, ${how}: ${name} would close it, and is held${since}: ${reason.why}`;
  const others = open.filter((one) => one !== own).map((one) => `${one.image} in ${one.environments.join(" and ")}`);
  const also = others.length === 0 ? [] : [`Open with it: ${others.join("; ")}.`];
  const hint = [...reason.steps, ...also].join(" ");
  return {
    version: version === "" ? "newer" : version,
    alarm: {
      message: message.slice(0, 2000),
      hint: hint.slice(0, 2000),
      detail: {
        urgent: true,
        image,
        advisory,
        aliases: cure.aliases.slice(0, 20),
        exploited,
        held: { kind: item.kind, name: item.name, version: item.version ?? null },
        open,
        since: reason.since === null ? null : new Date(reason.since).toISOString(),
        why: reason.why.slice(0, 1000),
        ...reason.detail,
      },
    },
  };
}

async function findReason(ctx: Pick<Context, "store">, facts: HeldFacts, cure: HeldCure): Promise<Reason> {
  switch (cure.by) {
    case "hold":
      return byHold(facts, cure.image, cure);
    case "parent":
      return byParent(facts, cure);
    case "quarantine":
      return byQuarantine(ctx, facts, cure);
    case "source": {
      const steps = [`\`tidemill status ${cure.image}\` says what it cannot be made from.`];
      return { why: cure.reason, since: null, steps, detail: { by: "source" } };
    }
  }
}

/** Of the images that one is built on the nearest that is held itself: the plan says only that a parent is. */
function byParent(facts: HeldFacts, cure: HeldCure): Reason {
  const held = new Map(facts.plan.held.map((one) => [one.image, one]));
  const parentsOf = new Map(facts.images.map(({ name, parents }) => [name, parents]));
  const line = new Set([cure.image]);
  for (const name of line) {
    for (const parent of parentsOf.get(name) ?? []) line.add(parent);
    const root = held.get(name);
    if (name === cure.image || root === undefined || root.kind === "parent") continue;
    if (root.kind === "hold") return byHold(facts, name, { ...cure, reason: root.reason });
    const steps = [`\`tidemill status ${name}\` says what it waits for.`];
    return { why: `its parent ${name} is held: ${root.reason}`, since: null, steps, detail: { by: "parent" } };
  }
  return { why: cure.reason, since: null, steps: [], detail: { by: "parent" } };
}

function byHold({ holds }: HeldFacts, image: string, cure: HeldCure): Reason {
  const environment = cure.environment ?? null;
  const own = holds.filter((one) => one.environment === environment && (one.image === null || one.image === image));
  const hold =
    own.find(({ reason, who }) => cure.reason === reason || cure.reason === `${reason} (${who})`) ??
    own.find((one) => one.image !== null) ??
    own[0];
  if (hold === undefined) return { why: cure.reason, since: null, steps: [], detail: { by: "hold" } };
  const whose = hold.image === null ? (hold.environment === null ? "everything" : hold.environment) : hold.image;
  const place = hold.image !== null && hold.environment !== null ? ` in ${hold.environment}` : "";
  const until = hold.until === null ? "" : `, until ${isoMinute(hold.until)}`;
  const why = `${hold.who} paused ${whose}${place}${until}: ${hold.reason}`;
  const target = hold.image === null ? (hold.environment === null ? " --all" : "") : ` ${hold.image}`;
  const flag = hold.environment === null ? "" : ` --environment ${hold.environment}`;
  const steps = [`\`tidemill resume${target}${flag} --reason "..."\` lets it go.`];
  const detail = { by: "hold", who: hold.who, environment: hold.environment };
  return { why, since: hold.createdAt, steps, detail };
}

async function byQuarantine({ store }: Pick<Context, "store">, facts: HeldFacts, cure: HeldCure): Promise<Reason> {
  const rows = facts.quarantines.filter(({ image }) => facts.lineageOf(cure.image).includes(image));
  const left = rows.findLast((row) => keepsOut(row, facts, cure)) ?? rows.at(-1);
  if (left === undefined) return { why: cure.reason, since: null, steps: [], detail: { by: "quarantine" } };
  const { image, digest, who, createdAt } = left;
  const reference = `${image}@${shortDigest(digest)}`;
  const isBroken = [...left.packages, ...left.bases].some(({ terms }) => terms !== undefined);
  if (!isBroken) {
    const steps = [
      `\`tidemill why ${reference}\` tells of it.`,
      "It comes when a newer version than what was taken back is offered.",
    ];
    const why = `${who} took ${reference} back: ${left.reason}`;
    return { why, since: createdAt, steps, detail: { by: "rollback", who, digest } };
  }
  const failed = (await store.loadVerifications({ image, digest })).findLast(({ verdict }) => verdict === "failed");
  const check = failed?.checks.find(({ verdict }) => verdict === "failed");
  if (failed === undefined || check === undefined)
    return {
      why: left.reason,
      since: createdAt,
      steps: afterCheck(cure.image, reference, undefined),
      detail: { by: "checks", digest },
    };
  const log = (await store.loadCheckLog(failed.id, check.name)) === undefined ? undefined : check.name;
  return {
    why: `it fails ${check.name} for ${failed.environment}: ${check.message}`,
    since: createdAt,
    steps: afterCheck(cure.image, reference, log),
    detail: { by: "checks", digest, check: check.name, environment: failed.environment, log: log !== undefined },
  };
}

/** What can be done about an update that breaks a check. */
function afterCheck(image: string, reference: string, log: string | undefined): string[] {
  return [
    ...(log === undefined ? [] : [`\`tidemill log ${reference} --check "${log}"\` has what the check said.`]),
    `\`tidemill why ${reference}\` has the trial.`,
    `It is tried again when a newer version is offered or the recipe or its checks change, and at once by \`tidemill rebuild ${image} --with-held --reason "..."\`.`,
  ];
}

function keepsOut({ packages, bases }: Quarantine, { plan }: HeldFacts, { image, item }: HeldCure): boolean {
  if (item.kind === "base") return bases.some(({ name, digest }) => name === item.name && digest === item.version);
  const causes = [...plan.held, ...plan.keptOut].filter((one) => one.image === image).flatMap((one) => one.causes);
  const changes = causes.flatMap(({ cause }) =>
    cause.kind === "package" && cause.source === item.name ? cause.packages : [],
  );
  return packages.some(({ name, version }) => changes.some((one) => one.name === name && one.to === version));
}

function isDigest(text: string | undefined): text is Digest {
  return text?.startsWith("sha256:") === true;
}

function isoMinute(at: Instant): string {
  return `${new Date(at).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
