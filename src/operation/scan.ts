import { z } from "zod";
import { bumpView } from "./remedy.ts";
import { count, digest, instant, pathText, reasonText } from "./shapes.ts";

/** How a scan can be written beside the shape of this contract. */
export const scanFormat = z.enum(["sarif", "cyclonedx", "junit", "markdown"]);

/** A document that a caller read: its name for messages, and its text. */
const document = z.strictObject({ name: pathText, text: z.string().max(33_554_432) });
const vulnerabilityId = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._:-]{2,127}$/, "the id of a vulnerability, as CVE-2026-1234");

export const scanInput = z.strictObject({
  /** A registry reference, an OCI layout directory, a docker archive, a root directory or source tree, or an SBOM in JSON. */
  subject: pathText,
  platform: z.string().max(100).optional(),
  /** Feeds beside those of the configuration: paths or addresses. */
  feeds: z.array(pathText).max(100).default([]),
  /** OpenVEX documents. */
  vex: z.array(document).max(100).default([]),
  /** Rules, each as `high`, `kev`, `fixable`, `age=30d`, `epss=0.5`, or several with commas: all must hold. One broken rule is enough. */
  failOn: z.array(z.string().min(1).max(200)).max(50).default([]),
  /** Let pass what could not be told. */
  allowUnknown: z.boolean().default(false),
  /** An ignore file. */
  ignoreFile: document.optional(),
  ignore: z
    .array(
      z.strictObject({ id: vulnerabilityId, reason: reasonText, until: instant.optional(), by: z.string().max(200) }),
    )
    .max(1000)
    .default([]),
  /** What it is compared with: a subject like the first. */
  against: pathText.optional(),
  /** With `against`: rules count only what is new. */
  onlyNew: z.boolean().default(false),
  /** Write it in these formats as well. */
  formats: z.array(scanFormat).max(4).default([]),
});

const remedy = z.object({
  kind: z.enum(["rebase", "rebuild", "patch", "bump-source", "wait-upstream", "replace-base", "accepted"]),
  /** One line for people. */
  summary: z.string(),
  /** What is cured by the same deed has the same text. */
  group: z.string(),
  image: z.string().nullable(),
  /** What is offered, where, and since when. */
  version: z.string().nullable(),
  from: z.string().nullable(),
  since: instant.nullable(),
  ...bumpView,
});

const finding = z.object({
  id: z.string(),
  aliases: z.array(z.string()),
  upstream: z.array(z.string()),
  summary: z.string(),
  package: z.string(),
  type: z.string(),
  architecture: z.string(),
  source: z.string(),
  /** Installed source version, which is what is compared. */
  version: z.string(),
  purl: z.string(),
  /** `unknown`: it could not be told whether this version is affected. */
  state: z.enum(["affected", "unknown"]),
  fixed: z.string().nullable(),
  severity: z
    .object({
      level: z.enum(["none", "low", "medium", "high", "critical"]),
      by: z.enum(["distro", "cvss", "database"]),
      score: z.number().nullable(),
      vector: z.string().nullable(),
    })
    .nullable(),
  judgement: z.string().nullable(),
  malicious: z.boolean(),
  exploited: z.object({ since: instant, due: instant.nullable() }).nullable(),
  epss: z.number().nullable(),
  published: instant.nullable(),
  layer: digest.nullable(),
  path: z.string().nullable(),
  remedy,
  /** Why it does not count, and who says so. */
  ignored: z
    .object({
      from: z.enum(["vex", "ignore"]),
      by: z.string(),
      reason: z.string(),
      until: instant.nullable(),
      status: z.enum(["not_affected", "fixed"]).nullable(),
      justification: z.string().nullable(),
    })
    .nullable(),
  /** What a VEX statement says that does not set it aside. */
  stated: z
    .object({ status: z.enum(["affected", "under_investigation"]), by: z.string(), text: z.string() })
    .nullable(),
  /** Whether a rule is broken by it. */
  hit: z.boolean(),
});
export type ScanFindingView = z.output<typeof finding>;

/** What is wrong with what a digest, a directory or a bill of materials holds, and what cures it. */
export const scan = z.object({
  subject: z.string(),
  kind: z.enum(["image", "layout", "archive", "directory", "sbom"]),
  digest: digest.nullable(),
  at: instant,
  feeds: z.array(
    z.object({
      name: z.string(),
      newest: instant.nullable(),
      checked: instant.nullable(),
      alarm: z.string().nullable(),
    }),
  ),
  platforms: z.array(
    z.object({
      platform: z.string().nullable(),
      os: z.string().nullable(),
      /** `unknown` where something could not be told: never to be taken as clean. */
      state: z.enum(["known", "unknown"]),
      reasons: z.array(z.string()),
      packages: count.int(),
      /** The worst first. */
      findings: z.array(finding),
    }),
  ),
  notes: z.array(z.string()),
  verdict: z.object({
    /** `none`: no rule was given. */
    kind: z.enum(["none", "passed", "failed"]),
    reasons: z.array(z.string()),
    /** Findings without a severity that no rule counted. */
    unrated: count.int(),
  }),
  comparison: z
    .object({
      against: z.string(),
      digest: digest.nullable(),
      added: z.array(finding),
      gone: z.array(finding),
      stayed: count.int(),
      /** Why what is gone may only be unseen, and what is new may be old. */
      doubts: z.array(z.string()),
    })
    .nullable(),
  /** In the formats that were asked for; null in others. */
  documents: z.object({
    sarif: z.string().nullable(),
    cyclonedx: z.string().nullable(),
    junit: z.string().nullable(),
    markdown: z.string().nullable(),
  }),
});
export type Scan = z.output<typeof scan>;
