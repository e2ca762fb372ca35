import { z } from "zod";
import { presetNames, severityLevels } from "../exposure/index.ts";
import { duration, name, text, units } from "./values.ts";

const rule = z.strictObject({
  name: name.describe("What it is called in alarms and reports"),
  severity: z
    .array(z.enum(severityLevels))
    .min(1)
    .max(6)
    .optional()
    .describe("Of which severity; every one without it"),
  exploited: z.boolean().optional().describe("Only what CISA lists as exploited, or only what it does not"),
  environments: z.array(name).min(1).max(10).optional().describe("Where; those of `slo.environments` without it"),
  labels: z.record(z.string().min(1).max(200), text).optional().describe("Of which images: all these labels"),
  from: z
    .enum(["published", "fix-available", "detected", "kev-due"])
    .default("fix-available")
    .describe("What its clock starts with; never before the exposure was detected"),
  within: duration.refine((span) => span >= units.m, { error: "at least 1m" }),
});

/** By when exposures have to be closed. */
export const slo = z
  .strictObject({
    presets: z
      .array(z.enum(presetNames))
      .max(5)
      .default([])
      .describe("Deadlines of others: warned of, and an alarm once they are missed. Reports judge by all of them"),
    rules: z.array(rule).max(100).default([]).describe("Deadlines of your own"),
    environments: z
      .array(name)
      .min(1)
      .max(10)
      .optional()
      .describe("Where deadlines hold; the last environment without it"),
    warn: duration
      .default(3 * units.d)
      .describe("How long before a deadline is warned of; never before half of its time is over"),
    labels: z
      .array(z.string().min(1).max(200))
      .max(5)
      .default(["team"])
      .describe("Labels of images that reports can group by"),
  })
  .prefault({});
