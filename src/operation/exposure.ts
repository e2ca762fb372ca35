import { z } from "zod";
import { exposureEnds, frameworks, milestones, severityLevels } from "../core/exposure/index.ts";
import { count, digest, environmentName, imageName, instant } from "./shapes.ts";

export const exposureInput = z.strictObject({
  image: imageName.optional(),
  environment: environmentName.optional(),
  /** By any id that readers know it by. */
  advisory: z.string().min(3).max(128).optional(),
  /** Those that ended within so many days too. */
  days: z.number().int().min(0).max(400).default(0),
  limit: z.number().int().min(1).max(10_000).default(500),
});

export const exposureView = z.object({
  image: z.string(),
  environment: z.string(),
  advisory: z.string(),
  aliases: z.array(z.string()),
  /** 1, and one more each time that it came back. */
  life: z.number().int().positive(),
  severity: z.enum(severityLevels),
  /** Since when CISA lists it as exploited. */
  exploitedSince: instant.nullable(),
  /** Every milestone that is known, with whose word it is; null: not known. */
  milestones: z.array(z.object({ name: z.enum(milestones), at: instant.nullable(), source: z.string().nullable() })),
  end: z.enum(exposureEnds).nullable(),
  /** What took it away, or is on its way to. */
  digest: digest.nullable(),
  /** From detected to closed, or to now; null where the clock was set in between, so that nobody knows. */
  exposedSeconds: count.nullable(),
  deadlines: z.array(
    z.object({ framework: z.enum(frameworks), at: instant, verdict: z.enum(["met", "missed", "void", "running"]) }),
  ),
});
export type ExposureView = z.output<typeof exposureView>;

/** What environments are exposed to, those first that are open longest. */
export const exposure = z.object({
  at: instant,
  /** Why what is not here need not be away: `no feed`, or which feed is in doubt. */
  doubts: z.array(z.string()),
  exposures: z.array(exposureView),
});
export type ExposureList = z.output<typeof exposure>;

export const reportInput = z.strictObject({
  /** `90d`, `2026`, `2026-Q3`, `2026-10`, `2026-10-01..2026-10-31`; UTC. */
  period: z.string().min(2).max(30).default("90d"),
  /** The last one without it. */
  environment: environmentName.optional(),
  /** `team`: a part for each value; `team=shop`: that alone. One of `slo.labels`. */
  label: z.string().min(1).max(500).optional(),
  /** Whose deadlines; those of the configuration without it, else Chainguard's. */
  framework: z.enum(frameworks).optional(),
});

const lengths = z.object({ count, medianSeconds: count.nullable(), p95Seconds: count.nullable() });
const percent = z.number().min(0).max(100).nullable();

const part = z.object({
  label: z.string().nullable(),
  images: count,
  opened: count,
  closed: z.object({
    deployed: count,
    promoted: count,
    withdrawn: count,
    changed: count,
    vex: count,
    retired: count,
  }),
  open: count,
  overdue: count,
  fixToProduction: lengths,
  exposed: lengths,
  skewed: count,
  met: count,
  missed: count,
  percentWithin: percent,
  rebuilds: z.object({ total: count, failed: count, closedNothing: count }),
  imageAge: lengths,
});

/** The report of a period; `docs/exposure.md` defines every figure. Fields are only ever added within a version. */
export const reportDocument = z.object({
  report: z.literal("tidemill-exposure"),
  version: z.literal(1),
  at: instant,
  tidemill: z.string(),
  period: z.object({ name: z.string(), from: z.string(), through: z.string() }),
  environment: z.string(),
  label: z.object({ key: z.string(), value: z.string().nullable() }).nullable(),
  framework: z.enum(frameworks),
  /** What could not be told, one sentence each: nothing here may be read as clean where these say otherwise. */
  doubts: z.array(z.string()),
  fleet: part,
  parts: z.array(part),
  weeks: z.array(
    z.object({
      week: z.string(),
      opened: count,
      closed: count,
      open: z.number(),
      fixToProduction: lengths,
      percentWithin: percent,
      rebuilds: count,
      rebuildsClosedNothing: count,
    }),
  ),
  frameworks: z.array(
    z.object({
      name: z.enum(frameworks),
      title: z.string(),
      source: z.string(),
      met: count,
      missed: count,
      overdue: count,
      percentWithin: percent,
    }),
  ),
  openByAge: z.array(
    z.object({ days: z.string(), critical: count, high: count, medium: count, other: count, total: count }),
  ),
  /** Open, the longest first; at most fifty. */
  oldest: z.array(exposureView),
});
export type ReportDocument = z.output<typeof reportDocument>;

const textRule = z.union([z.string(), z.object({ pattern: z.string() })]);

/** The report as data and as files: the bytes that were signed. */
export const report = z.object({
  document: reportDocument,
  json: z.string(),
  html: z.string(),
  /**
   * What signs the bytes of `json` and `html`: a key's detached signatures, base64; or an identity's Sigstore bundles, JSON. Null where the configuration has no `evidence:`.
   */
  signed: z
    .discriminatedUnion("by", [
      z.object({ by: z.literal("key"), key: z.string(), json: z.string(), html: z.string() }),
      z.object({
        by: z.literal("identity"),
        issuer: textRule,
        subject: textRule,
        json: z.string(),
        html: z.string(),
      }),
    ])
    .nullable(),
});
export type Report = z.output<typeof report>;
