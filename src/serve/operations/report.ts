import { buildFigures, parsePeriod, type Framework } from "../../core/exposure/index.ts";
import { loadFeeds } from "../../io/feeds/index.ts";
import type { Context } from "../../loop/context.ts";
import { labelsOf } from "../../loop/expose/index.ts";
import { formatInstant, OperationError, type OperationHandlers, type ReportDocument } from "../../operation/index.ts";
import { formatReport } from "../report/index.ts";
import { requireEnvironment } from "./find-name.ts";
import { describeExposure } from "./exposures.ts";

const mostOldest = 50;
const day = 86_400_000;

/** `report`: the exposure of a period as data and as a page, signed where the configuration has `evidence:`. Throws BAD_INPUT, NOT_FOUND, KEY_CLOSED, and what an identity is refused with (NO_TOKEN, SIGN_FAILED). */
export function createReport(ctx: Context, { version }: { readonly version: string }): OperationHandlers["report"] {
  return async (request) => {
    const document = await buildDocument(ctx, version, request);
    const json = `${JSON.stringify(document, undefined, 2)}\n`;
    const html = formatReport(document);
    return { document, json, html, signed: await signFiles(ctx, json, html) };
  };
}

async function signFiles({ evidence }: Context, json: string, html: string) {
  if (evidence === undefined) return null;
  const signer = await evidence.signer();
  if ("identity" in signer) {
    const { issuer, subject } = signer.identity.policy;
    const bundle = (text: string): Promise<string> => signer.bundleOf(Buffer.from(text));
    return { by: "identity" as const, issuer, subject, json: await bundle(json), html: await bundle(html) };
  }
  const sign = async (text: string): Promise<string> => (await signer.sign(Buffer.from(text))).toString("base64");
  return { by: "key" as const, key: signer.pem, json: await sign(json), html: await sign(html) };
}

async function buildDocument(
  ctx: Context,
  version: string,
  request: Parameters<OperationHandlers["report"]>[0],
): Promise<ReportDocument> {
  const { config, store } = ctx;
  const now = ctx.clock.now();
  const period = parsePeriod(request.period, now);
  if (period === undefined)
    throw new OperationError("BAD_INPUT", `report: ${JSON.stringify(request.period)} is no period`, {
      hint: "As `90d`, `2026`, `2026-Q3`, `2026-10`, `2026-10-01..2026-10-31`; 400 days at most.",
    });
  const environment = request.environment ?? config.environments.at(-1)?.name ?? "";
  requireEnvironment(config, environment);
  const label = labelOf(ctx, request.label);
  const framework = request.framework ?? frameworkOf(ctx);
  const [from, through] = [isoDay(period.from), isoDay(period.until - day)];
  const [days, openBefore, open, placed, oldest, { doubts }] = await Promise.all([
    store.loadDays(environment, { from, until: through, labels: label !== undefined }),
    store.loadOpenBefore(environment, from),
    store.loadOpenGroups(environment, now),
    store.loadPlacedSince(environment),
    store.loadExposures({ environment, endedSince: now + 1, limit: label?.value === undefined ? mostOldest : 10_000 }),
    loadFeeds(ctx.feeds),
  ]);
  const images = placed.map(({ image, createdAt }) => ({ labels: labelsOf(config, image), createdAt }));
  const figures = buildFigures({ now, period, days, openBefore, open, images, label, framework });
  const meant = oldest.filter(({ labels }) => label?.value === undefined || labels[label.key] === label.value);
  return {
    report: "tidemill-exposure",
    version: 1,
    at: formatInstant(now),
    tidemill: version,
    period: { name: request.period, from, through },
    environment,
    label: label === undefined ? null : { key: label.key, value: label.value ?? null },
    framework,
    doubts: [...doubts],
    ...figures,
    oldest: meant.slice(0, mostOldest).map((row) => describeExposure(row, now)),
  };
}

function labelOf(
  { config }: Context,
  text: string | undefined,
): { key: string; value: string | undefined } | undefined {
  if (text === undefined) return undefined;
  const at = text.indexOf("=");
  const key = at < 0 ? text : text.slice(0, at);
  if (!config.slo.labels.includes(key))
    throw new OperationError("BAD_INPUT", `report: reports are not made by the label ${JSON.stringify(key)}`, {
      hint: `\`slo.labels\` of the configuration names ${config.slo.labels.join(", ") || "none"}.`,
    });
  return { key, value: at < 0 ? undefined : text.slice(at + 1) };
}

/** What the configuration watches: its own rules, else the first preset that it names. */
function frameworkOf({ config }: Context): Framework {
  if (config.slo.rules.length > 0) return "own";
  return config.slo.presets[0] ?? "chainguard";
}

function isoDay(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}
