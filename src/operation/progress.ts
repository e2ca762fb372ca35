import { z } from "zod";
import { digest, instant } from "./shapes.ts";

/** Something that happened while work goes on, for a terminal, a log or the event stream. Nothing depends on it arriving. */
export const progressEvent = z.object({
  at: instant,
  kind: z.enum([
    /** A new part of the story begins: `Day 0: …`. */
    "phase",
    /** An upstream was asked, or offered something new. */
    "observed",
    "planned",
    "queued",
    "building",
    /** A line that a build says. */
    "output",
    "built",
    "verifying",
    "verified",
    "promoting",
    "promoted",
    "unchanged",
    "held",
    "failed",
    "rolled-back",
    /** A running system is made to use a digest; it was seen to. */
    "deploying",
    "deployed",
    "alarm",
    "note",
  ]),
  image: z.string().optional(),
  environment: z.string().optional(),
  digest: digest.optional(),
  rebuild: z.string().optional(),
  /** One line for people. */
  message: z.string(),
  /** How far it is, where that can be said: bytes or items. */
  done: z.number().nonnegative().optional(),
  total: z.number().nonnegative().optional(),
});
export type ProgressEvent = z.output<typeof progressEvent>;

/** Told of every event, in order. It must not throw and cannot make the work wait. */
export type ProgressListener = (event: ProgressEvent) => void;
