import { z } from "zod";
import { severityLevels } from "../core/exposure/index.ts";
import { cureView } from "./remedy.ts";
import { advisoryState, approval, count, digest, hold, instant, lane } from "./shapes.ts";

/** What one environment runs of an image, and what is open against it. */
const environmentState = z.object({
  name: z.string(),
  digest: digest.nullable(),
  since: instant.nullable(),
  /** The running systems that are made to use it: what each is known to run, since when (null while that is not known), and what it waits for. */
  deployments: z.array(
    z.object({
      name: z.string(),
      digest: digest.nullable(),
      since: instant.nullable(),
      waiting: z.string().nullable(),
    }),
  ),
  /** The digest that the registry's tag names, where somebody else moved it. */
  conflict: digest.nullable(),
  /** While it soaks there: until when, and what its probes complain of; null once that is over. */
  soak: z.object({ until: instant.nullable(), trouble: z.string().nullable() }).nullable(),
  exposure: z.object({
    /** `none`: nothing that the feeds know is open. `unknown` where no feed vouches. */
    state: z.enum(["none", "open", "unknown"]),
    advisories: z.array(z.string()),
    since: instant.nullable(),
  }),
});

const imageState = z.object({
  name: z.string(),
  recipe: z.enum(["packages", "dockerfile", "upstream", "external"]),
  repository: z.string(),
  /** Images that it is built on. */
  parents: z.array(z.string()),
  platforms: z.array(z.string()),
  /** `current`: the last environment runs all that the upstreams offer. `waiting`: something newer is in cool-down. */
  state: z.enum(["current", "waiting", "rebuilding", "held", "failing", "unbuilt", "unknown"]),
  /** Why it is in that state, one line. */
  reason: z.string(),
  /** In the order of promotion. */
  environments: z.array(environmentState),
  /** What is wrong with what it is now, as the newest pass found it. */
  findings: z.object({
    /** `unknown` is never clean: `reasons` say what could not be told. */
    state: z.enum(["known", "unknown"]),
    reasons: z.array(z.string()),
    /** When it was found. */
    asOf: instant.nullable(),
    /** Those that no person accepted. */
    open: count.int(),
    accepted: count.int(),
    /** What would cure them and when that comes; the worst first, at most 50. */
    cures: z.array(cureView),
  }),
});

const rebuildInFlight = z.object({
  id: z.string(),
  image: z.string(),
  state: z.enum(["queued", "building", "built"]),
  step: z.enum(["queue", "build", "verify", "attest", "promote", "soak"]),
  environment: z.string().nullable(),
  since: instant,
  notBefore: instant.nullable(),
  lane,
  attempt: z.number().int().positive(),
  candidate: digest.nullable(),
  /** Its causes, and what it waits for. */
  reason: z.string(),
  /** When what it waits for is over, where that is known. */
  until: instant.nullable(),
  /** What people said of its candidate. */
  approvals: z.array(approval),
});

const quarantine = z.object({
  image: z.string(),
  digest,
  since: instant,
  by: z.string(),
  reason: z.string(),
});

const alarm = z.object({
  id: z.string(),
  code: z.string(),
  /** What it is about: an upstream, an image, a disk. */
  subject: z.string(),
  message: z.string(),
  hint: z.string().nullable(),
  since: instant,
});

const upstream = z.object({
  name: z.string(),
  kind: z.enum(["suite", "base", "git", "feed"]),
  state: z.enum(["ok", "stale", "failing", "unseen"]),
  lastSuccess: instant.nullable(),
  /** The date that the upstream itself gives to what it offers. */
  generation: instant.nullable(),
  problem: z.string().nullable(),
});

const recentPromotion = z.object({
  at: instant,
  image: z.string(),
  environment: z.string(),
  from: digest.nullable(),
  to: digest,
  kind: z.enum(["promoted", "rolled-back"]),
  reason: z.string(),
});

/** What is worst of all that environments are exposed to now. */
const worstExposure = z.object({
  /** `none` only where every feed was read lately: without a feed, or with one in doubt, nothing found is `unknown`. */
  state: z.enum(["open", "none", "unknown"]),
  /** Why it is unknown. */
  reason: z.string().nullable(),
  exposure: z
    .object({
      image: z.string(),
      environment: z.string(),
      advisory: z.string(),
      severity: z.enum(severityLevels),
      exploited: z.boolean(),
      /** Since when the environment has it and it is known. */
      since: instant,
      /** The nearest deadline that is watched; null where none is. */
      deadline: z.object({ rule: z.string(), at: instant, missed: z.boolean() }).nullable(),
    })
    .nullable(),
});

export const statusInput = z.strictObject({
  /** Only this image. */
  image: z.string().min(1).max(255).optional(),
});

/** Everything that an operator looks at first. Alarms come before good news. */
export const status = z.object({
  version: z.string(),
  at: instant,
  /** The server that answers; null where the command opened the directory itself. */
  server: z.object({ address: z.string(), pid: z.number().int(), since: instant }).nullable(),
  advisories: advisoryState,
  /** The exploited before the others, then the most severe, in the last environment before those before it, of the nearest deadline, the oldest. */
  worst: worstExposure,
  alarms: z.array(alarm),
  images: z.array(imageState),
  rebuilds: z.array(rebuildInFlight),
  holds: z.array(hold),
  quarantines: z.array(quarantine),
  upstreams: z.array(upstream),
  /** Newest first, at most twenty. */
  promotions: z.array(recentPromotion),
});
export type Status = z.output<typeof status>;

export const summaryInput = z.strictObject({});

/** The fleet in a dozen numbers, for a badge, a probe or a shell prompt. */
export const summary = z.object({
  version: z.string(),
  at: instant,
  advisories: advisoryState,
  images: count.int(),
  current: count.int(),
  waiting: count.int(),
  rebuilding: count.int(),
  held: count.int(),
  failing: count.int(),
  alarms: count.int(),
  promotions: count.int(),
  rollbacks: count.int(),
  /** Median over the promotions to the last environment that a fix caused; null while there is none. */
  secondsFixToProduction: count.nullable(),
});
