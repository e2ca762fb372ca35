import type { Cause } from "../../core/plan/index.ts";
import type { AuditRow, Detail, KeyedCause } from "../../io/store/index.ts";
import { isDigest, shortDigest, type Digest } from "../../lib/index.ts";
import type { Context } from "../../loop/context.ts";
import {
  describeCause,
  describeReasons,
  formatInstant,
  OperationError,
  type History,
  type OperationHandlers,
} from "../../operation/index.ts";

type HistoryEvent = History["events"][number];

/** Which rows of the audit log are told, and as what. `rebuild-promoted` is left out: `promoted` says the same and names the environment. */
const kinds: Readonly<Record<string, HistoryEvent["kind"]>> = {
  "rebuild-built": "built",
  "rebuild-unchanged": "unchanged",
  "rebuild-failed": "failed",
  "rebuild-superseded": "superseded",
  promoted: "promoted",
  "rolled-back": "rolled-back",
  deployed: "deployed",
  "deploy-failed": "deploy-failed",
  held: "held",
  resumed: "resumed",
  quarantined: "quarantined",
  conflict: "conflict",
  approved: "approved",
  rejected: "rejected",
};

/** `history`: what was done, newest first, in pages, from the audit log. */
export function createHistory(ctx: Context): OperationHandlers["history"] {
  return async ({ image, environment, limit, before }) => {
    const rows = await ctx.store.loadAudit({
      actions: Object.keys(kinds),
      limit: limit + 1,
      ...(image === undefined ? {} : { image }),
      ...(environment === undefined ? {} : { environment }),
      ...(before === undefined ? {} : { before: parseRow(before) }),
    });
    const page = rows.slice(0, limit);
    const built = page
      .filter(({ action }) => action.startsWith("rebuild-"))
      .flatMap(({ detail }) => textOf(detail.rebuild) ?? []);
    const causes =
      built.length === 0 ? new Map<string, KeyedCause[]>() : await ctx.store.loadCauses([...new Set(built)]);
    return {
      events: page.map((row) => describeRow(row, causes)),
      next: rows.length > limit ? `${page.at(-1)?.seq ?? 1}` : null,
    };
  };
}

function parseRow(text: string): number {
  const row = /^\d{1,15}$/.test(text) ? Number(text) : 0;
  if (row > 0) return row;
  throw new OperationError("BAD_INPUT", `there is no page before "${text}"`, {
    hint: "Give the `next` of the page before.",
  });
}

function describeRow(row: AuditRow, causes: ReadonlyMap<string, readonly KeyedCause[]>): HistoryEvent {
  const { detail } = row;
  const kind = kinds[row.action] ?? "built";
  const rebuild = textOf(detail.rebuild);
  const digest = digestOf(detail.digest);
  return {
    id: `${row.seq}`,
    at: formatInstant(row.at),
    kind,
    image: textOf(detail.image),
    environment: textOf(detail.environment),
    from: kind === "quarantined" ? digest : digestOf(detail.previous),
    to: kind === "conflict" ? foundIn(detail) : kind === "quarantined" ? null : digest,
    rebuild,
    seconds: row.action.startsWith("rebuild-") ? secondsOf(row) : null,
    by: row.actor,
    reason: reasonOf(row, causes.get(rebuild ?? "")?.map(({ cause }) => cause) ?? []),
  };
}

function reasonOf({ action, detail }: AuditRow, causes: readonly Cause[]): string {
  if (action === "conflict") {
    const found = foundIn(detail);
    const place = textOf(detail.environment) ?? "its tag";
    return found === null ? `somebody else removed ${place}` : `somebody else moved ${place} to ${shortDigest(found)}`;
  }
  if (action === "deployed") return `${textOf(detail.name) ?? "a deployment"} runs it`;
  if (action === "deploy-failed") {
    const inner = detail.detail as Detail | null | undefined;
    return `${textOf(detail.name) ?? "a deployment"}: ${textOf(inner?.failure) ?? "it failed"}`;
  }
  if (action === "rebuild-failed") {
    const error = detail.error as { readonly message?: unknown } | null | undefined;
    const message = textOf(error?.message);
    if (message !== null) return message;
  }
  if (action === "rebuild-superseded") return "newer causes came before it was verified";
  return textOf(detail.reason) ?? describeReasons(causes.map((cause) => describeCause(cause)));
}

/** What the tag names in a conflict. */
function foundIn(detail: Detail): Digest | null {
  const inner = detail.detail as Detail | null | undefined;
  return digestOf(inner?.found);
}

/** How long a rebuild took from being asked for. */
function secondsOf({ at, detail }: AuditRow): number | null {
  const rebuild = detail.row as { readonly createdAt?: unknown } | null | undefined;
  const asked = rebuild?.createdAt;
  return typeof asked === "number" && asked <= at ? (at - asked) / 1000 : null;
}

function textOf(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

function digestOf(value: unknown): Digest | null {
  return typeof value === "string" && isDigest(value) ? value : null;
}
