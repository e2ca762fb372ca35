import { z } from "zod";
import { evidenceKinds } from "../core/evidence/index.ts";
import { bumpChange, findingLife, level } from "./remedy.ts";
import {
  advisoryRef,
  advisoryState,
  approval,
  cause,
  checkResult,
  count,
  digest,
  digestPrefix,
  environmentName,
  imageName,
  instant,
  packageChange,
  packageDifference,
  pathText,
} from "./shapes.ts";
import { vexStatus } from "./vex.ts";

export const whyInput = z.strictObject({
  image: imageName,
  /** Without it: what the last environment runs, else the newest candidate. */
  digest: digestPrefix.optional(),
});

const observation = z.object({
  upstream: z.string(),
  /** When Tidemill first saw it. */
  firstSeen: instant,
  /** The date that the upstream itself gives. */
  generation: instant.nullable(),
});

/** One link of the chain: `image` was made because of `cause`. A parent's link is followed by the parent's own, one deeper. */
const link = z.object({
  depth: count.int(),
  image: z.string(),
  digest: digest.nullable(),
  rebuild: z.string().nullable(),
  cause,
  /** The end of a chain: what was seen of the outside world. */
  observation: observation.nullable(),
});

const layerView = z.object({
  digest,
  bytes: count,
  /** What it holds, as its history entry says. */
  content: z.string(),
  /** Package names whose entries it owns, at most a hundred. */
  packages: z.array(z.string()),
});

/** Why a digest exists, back to the first observation, and what it did. */
export const why = z.object({
  image: z.string(),
  digest,
  /** The digest that it took over from; null for the first. */
  previous: digest.nullable(),
  /** Where it runs now. */
  environments: z.array(z.string()),
  quarantined: z.string().nullable(),
  rebuild: z
    .object({
      id: z.string(),
      state: z.string(),
      queuedAt: instant,
      builtAt: instant.nullable(),
      seconds: count.nullable(),
    })
    .nullable(),
  /** What it waits for on its way, and until when where that is known; null where it has arrived or ended. */
  waits: z.object({ reason: z.string(), until: instant.nullable() }).nullable(),
  approvals: z.array(approval),
  /** How it was made, and of what; null for what was made before that was written down. */
  made: z
    .object({
      remedy: z.enum(["rebuild", "rebase", "patch", "mirror"]),
      /** Why by this remedy. */
      reason: z.string(),
      /** Bases and own images, builder stages too. */
      from: z.array(z.object({ name: z.string(), digest })),
      /** Commit, or digest of the build context. */
      source: z.string().nullable(),
    })
    .nullable(),
  chain: z.array(link),
  packages: z.array(packageDifference),
  advisories: z.array(
    advisoryRef.extend({ package: z.string(), from: z.string().nullable(), to: z.string().nullable() }),
  ),
  /** Vulnerabilities that environments had while they ran it, or lost by its coming; the newest first, at most 1,000. */
  findings: z.array(findingLife),
  /** Pull requests and commits of ours in its source that brought what it has, or that wait; the newest first. */
  bumps: z.array(
    bumpChange.extend({
      closes: z.array(z.object({ id: z.string(), severity: level, exploited: z.boolean() })),
      /** Whether it brought a version that this digest has, and the one before had not. */
      brought: z.boolean(),
    }),
  ),
  layers: z.object({
    changed: z.array(layerView),
    unchanged: count.int(),
    bytesChanged: count,
    bytesTotal: count,
  }),
  verifications: z.array(
    z.object({
      environment: z.string(),
      verdict: z.enum(["passed", "failed", "incomplete"]),
      at: instant,
      /** Digest of the rules that it was judged by, as `validate` tells it; null where that was not written down. */
      policy: digest.nullable(),
      checks: z.array(checkResult),
    }),
  ),
  /** What was signed of it and stands beside it, the oldest first. */
  evidence: z.array(
    z.object({
      kind: z.enum(evidenceKinds),
      /** The digest itself, or the manifest of one of its platforms. */
      about: digest,
      predicateType: z.string(),
      /** Fingerprint of the key. */
      key: z.string(),
      at: instant,
      /** Of the artifact in the registry. */
      artifact: digest,
    }),
  ),
  promotions: z.array(
    z.object({
      at: instant,
      environment: z.string(),
      kind: z.enum(["promoted", "rolled-back"]),
      /** Digest of the rules that it was decided by; null where that was not written down. */
      policy: digest.nullable(),
      from: digest.nullable(),
      by: z.string(),
      reason: z.string(),
    }),
  ),
  /** What running systems were made of it, the oldest first, at most 1,000. */
  deployments: z.array(
    z.object({
      at: instant,
      environment: z.string(),
      /** The deployment, as the configuration calls it. */
      name: z.string(),
      state: z.enum(["under-way", "deployed", "failed", "ended"]),
      by: z.string(),
      reason: z.string(),
    }),
  ),
});
export type Why = z.output<typeof why>;

export const historyInput = z.strictObject({
  image: imageName.optional(),
  environment: environmentName.optional(),
  limit: z.number().int().min(1).max(1000).default(50),
  /** Only what came before this row: the `next` of the page before. */
  before: z.string().max(100).optional(),
});

/** What was done, newest first. */
export const history = z.object({
  events: z.array(
    z.object({
      id: z.string(),
      at: instant,
      kind: z.enum([
        "built",
        "unchanged",
        "failed",
        "superseded",
        "promoted",
        "rolled-back",
        "deployed",
        "deploy-failed",
        "held",
        "resumed",
        "quarantined",
        "conflict",
        "approved",
        "rejected",
      ]),
      image: z.string().nullable(),
      environment: z.string().nullable(),
      from: digest.nullable(),
      to: digest.nullable(),
      rebuild: z.string().nullable(),
      seconds: count.nullable(),
      by: z.string(),
      reason: z.string(),
    }),
  ),
  next: z.string().nullable(),
});
export type History = z.output<typeof history>;

export const diffInput = z.strictObject({
  /** An image's name (what its last environment runs), `IMAGE@DIGEST`, `IMAGE:ENVIRONMENT`, or any reference. */
  a: pathText,
  b: pathText,
  platform: z.string().max(100).optional(),
  /** Compare files as well, which reads every layer that differs. */
  files: z.boolean().default(false),
});

const side = z.object({ reference: z.string(), digest, platform: z.string(), packages: count.int(), bytes: count });

const advisoryOfPackage = z.object({
  id: z.string(),
  type: z.string(),
  package: z.string(),
  version: z.string(),
  severity: z.string(),
  exploited: z.boolean(),
  /** The latest that people, documents or the owner of a base say of it, with why; null where nobody says anything. */
  vex: z.object({ status: vexStatus, by: z.string(), reason: z.string() }).nullable(),
  /** False where that word sets it aside: it is shown, and does not count. */
  open: z.boolean(),
});

/** What differs between two digests on one platform. */
export const diff = z.object({
  a: side,
  b: side,
  packages: z.array(packageDifference),
  /** What the feeds say now of what either holds, with what is said of that by VEX. */
  advisories: z.object({
    /** `unknown` where not everything could be told: what is not listed is not known, not clean. */
    state: z.enum(["known", "unknown"]),
    reasons: z.array(z.string()),
    /** Only `a` has it. */
    closed: z.array(advisoryOfPackage),
    /** Only `b` has it. */
    brought: z.array(advisoryOfPackage),
    /** How many both have, and are open in `b`. */
    remain: count.int(),
    /** What both have, and is set aside in `b`. */
    settled: z.array(advisoryOfPackage),
  }),
  layers: z.array(z.object({ digest, bytes: count, content: z.string(), in: z.enum(["a", "b"]) })),
  layersShared: count.int(),
  config: z.array(z.object({ path: z.string(), from: z.string().nullable(), to: z.string().nullable() })),
  files: z.array(z.object({ path: z.string(), change: z.enum(["added", "removed", "changed"]) })).nullable(),
});
export type Diff = z.output<typeof diff>;

export const checkInput = z.strictObject({
  /** A registry reference, an OCI layout directory, or a docker archive. */
  image: pathText,
  platform: z.string().max(100).optional(),
});

const packageUpdate = packageChange.extend({
  source: z.string(),
  origin: z.string(),
  security: z.boolean(),
  /** When the newer version appeared, as far as its suite says. */
  since: instant.nullable(),
  advisories: z.array(advisoryRef),
  /** The layer that owns the package. */
  layer: digest,
});

/** What an image holds, what of it is old, and what would cure it; for any image, of the fleet or not. */
export const check = z.object({
  reference: z.string(),
  digest,
  advisories: advisoryState,
  platforms: z.array(
    z.object({
      platform: z.string(),
      os: z.string().nullable(),
      /** `unknown` where a part could not be read: never to be taken as clean. */
      status: z.enum(["complete", "unknown"]),
      problems: z.array(z.string()),
      packages: count.int(),
      updates: z.array(packageUpdate),
    }),
  ),
  suites: z.array(z.object({ name: z.string(), date: instant.nullable(), problem: z.string().nullable() })),
  /** What would cure it, one line. */
  remedy: z.string(),
});
export type Check = z.output<typeof check>;
