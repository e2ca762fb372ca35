import { z } from "zod";
import { count, digest, instant, lane } from "./shapes.ts";

/** Of a bump: what names the version now, whether all who ask for the package take the new one, and who they are, those first who do not. */
export const bumpView = {
  file: z.string().nullable(),
  /** Null: nobody asks, or it is not known of all. */
  compatible: z.boolean().nullable(),
  dependants: z.array(
    z.object({
      file: z.string(),
      name: z.string(),
      /** As it is written; empty where it is set elsewhere, as in a parent, or nowhere. */
      range: z.string(),
      allows: z.boolean().nullable(),
      /** Under which circumstances it asks, where nobody can tell whether they are given. */
      when: z.string().nullable(),
    }),
  ),
  /** Why these may not be all who ask. */
  gap: z.string().nullable(),
};

/** What would cure a finding, and by which proof. */
export const remedyView = z.object({
  kind: z.enum(["rebase", "rebuild", "patch", "bump-source", "wait-upstream", "replace-base", "accepted"]),
  /** One line for people. */
  summary: z.string(),
  /** The lowest image whose rebuild, or change, cures it; null where nobody here can. */
  image: z.string().nullable(),
  /** The version that cures; null where none does, or where the package is gone from what is offered. */
  version: z.string().nullable(),
  /** The suite, base or advisory that offers it, and since when. */
  from: z.string().nullable(),
  since: instant.nullable(),
  /** Of a rebase: the newer base. */
  onto: digest.nullable(),
  ...bumpView,
  /** Of a base that gets no more fixes: what to go to. */
  successor: z.string().nullable(),
  /** Of an accepted risk: by whom, and until when. */
  by: z.string().nullable(),
  until: instant.nullable(),
});
export type RemedyView = z.output<typeof remedyView>;

/** A change of a lock file by a pull request, or a commit, of ours. */
export const bumpChange = z.object({
  package: z.string(),
  type: z.string(),
  /** Without credentials. */
  repository: z.string(),
  file: z.string(),
  state: z.enum(["waiting", "intent", "proposed", "closing", "merged", "committed", "declined", "refused", "ended"]),
  /** Why it was refused, where a rule of ours did. */
  code: z.string().nullable(),
  /** Of the newest pull request; null where there is none yet, and for a commit. */
  url: z.string().nullable(),
  moves: z.array(z.object({ from: z.string(), to: z.string() })),
  openedAt: instant.nullable(),
  /** When it was seen to be merged, closed or pushed; null while it is open. */
  endedAt: instant.nullable(),
  end: z.enum(["merged", "declined", "ended", "committed"]).nullable(),
});
export type BumpView = z.output<typeof bumpChange>;

/** When a remedy is carried out. */
export const scheduleView = z.object({
  /** `under-way`: a rebuild that has not ended brings it. `planned`: the plan does. `waiting`: for a cool-down, a hold or a pause. `person`: somebody has to act. `upstream`: nothing is to be had yet. */
  state: z.enum(["under-way", "planned", "waiting", "person", "upstream", "accepted"]),
  lane: lane.nullable(),
  /** Not before; null: at once, or nobody knows. */
  notBefore: instant.nullable(),
  rebuild: z.string().nullable(),
  reason: z.string(),
  /** Where Tidemill changes the source itself: how far that has come. */
  bump: bumpChange.nullable(),
});
export type ScheduleView = z.output<typeof scheduleView>;

export const level = z.enum(["critical", "high", "medium", "low", "none", "unknown"]);

/** A vulnerability of an image, and its cure. */
export const findingView = z.object({
  image: z.string(),
  digest,
  platforms: z.array(z.string()),
  id: z.string(),
  aliases: z.array(z.string()),
  package: z.string(),
  /** What it was built from. */
  source: z.string(),
  type: z.string(),
  /** Installed version of the source. */
  version: z.string(),
  /** The file that tells of a package that is not in the distribution's database. */
  path: z.string().nullable(),
  /** `unknown`: it could not be told whether the installed version is touched. */
  state: z.enum(["affected", "unknown"]),
  severity: level,
  exploited: z.boolean(),
  summary: z.string(),
  published: instant.nullable(),
  /** When it was first known of what production, or the last environment that has the image, runs. */
  detected: instant.nullable(),
  /** When a version that cures it was first known. */
  fixAvailable: instant.nullable(),
  remedy: remedyView,
  schedule: scheduleView,
});
export type FindingView = z.output<typeof findingView>;

/** One life of a finding in one environment: what comes back has another one. */
export const findingLife = z.object({
  id: z.string(),
  aliases: z.array(z.string()),
  package: z.string(),
  environment: z.string(),
  severity: level,
  exploited: z.boolean(),
  published: instant.nullable(),
  /** When the environment had it and Tidemill knew. */
  detected: instant,
  /** When a version that cures it was first known. */
  fixAvailable: instant.nullable(),
  /** Null while it is open. `replaced`: a digest without it came, by that rebuild where one brought it. */
  closed: z
    .object({
      at: instant,
      kind: z.enum(["replaced", "withdrawn", "changed", "vex", "retired"]),
      rebuild: z.string().nullable(),
    })
    .nullable(),
});
export type FindingLifeView = z.output<typeof findingLife>;

/** Findings of an image that the same deed cures. */
export const cureView = z.object({
  /** The image that they are in; the remedy names the one to act at. */
  image: z.string(),
  /** At most twenty, the worst first; `findings` is how many there are. */
  ids: z.array(z.string()),
  findings: count.int(),
  /** What the packages were built from, and these. */
  source: z.string(),
  packages: z.array(z.string()),
  type: z.string(),
  version: z.string(),
  path: z.string().nullable(),
  /** Of the worst. */
  severity: level,
  exploited: z.boolean(),
  remedy: remedyView,
  schedule: scheduleView,
});
export type CureView = z.output<typeof cureView>;
