import { z } from "zod";
import type { Digest } from "../lib/index.ts";

/** A content digest as a schema; its type is lib's Digest. */
export const digest = z
  .string()
  .regex(/^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/, "not a sha256 or sha512 digest")
  .meta({ description: "Content digest, as `sha256:` and hex" }) as unknown as z.ZodType<Digest, Digest>;

/** A digest or how it begins, at least six hexadecimal digits: what people copy from a table. `matchDigest` completes it. */
export const digestPrefix = z
  .string()
  .regex(/^(?:sha(?:256|512):)?[0-9a-f]{6,128}$/, "not a digest, nor how one begins (at least six hexadecimal digits)");

/** A moment on the wire: ISO 8601 in UTC. `formatInstant` makes one from lib's Instant. */
export const instant = z.iso.datetime();

/** A number of seconds or bytes that cannot be negative. */
export const count = z.number().nonnegative();

/** Names and free text that a person or program sends: bounded, so that nothing grows without end. */
export const imageName = z.string().min(1).max(255);
export const environmentName = z.string().min(1).max(100);
export const personName = z.string().min(1).max(200);
export const reasonText = z.string().min(1).max(1000);
export const pathText = z.string().min(1).max(4096);

export const lane = z.enum(["urgent", "routine"]);

/** One binary package that goes from one version to another; null where it is new, or gone. */
export const packageChange = z.object({
  name: z.string(),
  architecture: z.string(),
  from: z.string().nullable(),
  to: z.string().nullable(),
});
export type PackageChangeView = z.output<typeof packageChange>;

/** One package of any kind that differs. */
export const packageDifference = packageChange.extend({
  /** By its purl type: `deb`, `npm`, `golang`… */
  type: z.string(),
  /** The file that tells of it, where it is in no database. */
  path: z.string().nullable(),
});
export type PackageDifferenceView = z.output<typeof packageDifference>;

/** An advisory or CVE id, and whose word it is: a feed's, or only a hint that the package's changelog gives. */
export const advisoryRef = z.object({ id: z.string(), source: z.enum(["feed", "changelog"]) });
export type AdvisoryRef = z.output<typeof advisoryRef>;

/** Why a rebuild exists. `summary` is the cause as one line for people. */
export const cause = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("package"),
    summary: z.string(),
    source: z.string(),
    to: z.string(),
    packages: z.array(packageChange),
    origin: z.string(),
    firstSeen: instant,
    security: z.boolean(),
    advisories: z.array(advisoryRef),
  }),
  z.object({ kind: z.literal("parent"), summary: z.string(), image: z.string(), digest: digest.nullable() }),
  z.object({
    kind: z.literal("base"),
    summary: z.string(),
    name: z.string(),
    from: digest.nullable(),
    to: digest,
    firstSeen: instant,
  }),
  z.object({ kind: z.literal("source"), summary: z.string(), from: z.string().nullable(), to: z.string() }),
  z.object({ kind: z.literal("schedule"), summary: z.string(), at: instant }),
  z.object({ kind: z.literal("person"), summary: z.string(), who: z.string(), reason: z.string() }),
]);
export type CauseView = z.output<typeof cause>;

/** A pause, set by a person (lifted only by one) or by Tidemill. Null image or environment: all of them. */
export const hold = z.object({
  id: z.string(),
  image: z.string().nullable(),
  environment: z.string().nullable(),
  setBy: z.enum(["person", "tidemill"]),
  by: z.string(),
  reason: z.string(),
  since: instant,
  until: instant.nullable(),
});
export type HoldView = z.output<typeof hold>;

/** What a person said of one digest for one environment. */
export const approval = z.object({
  environment: z.string(),
  verdict: z.enum(["approved", "rejected"]),
  by: z.string(),
  reason: z.string(),
  at: instant,
});
export type ApprovalView = z.output<typeof approval>;

/** What is known of advisories: without a feed it is unknown, never clean. */
export const advisoryState = z.object({
  state: z.enum(["current", "stale", "unknown"]),
  /** Why it is not current: `no feed`, or which feed is stale and since when. */
  reason: z.string().nullable(),
  asOf: instant.nullable(),
});
export type AdvisoryState = z.output<typeof advisoryState>;

/** One check of a verification. `not_run`: its part was not there, and policy decides what that means. */
export const checkResult = z.object({
  name: z.string(),
  verdict: z.enum(["passed", "failed", "warned", "not_run"]),
  message: z.string(),
});

/** A failure as data, for rows of what went wrong. */
export const failure = z.object({ code: z.string(), message: z.string(), hint: z.string().nullable() });
