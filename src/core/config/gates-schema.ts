import { z } from "zod";
import { failOnWords, parseFailOn } from "../report/index.ts";

const rule = z
  .string()
  .max(200)
  .refine((text) => parseFailOn(text).kind === "ok", { error: `a rule as \`--fail-on\` takes it: ${failOnWords}` });

const answer = z.enum(["allow", "warn", "ask", "refuse"]).default("allow");

/** What is asked of what a candidate holds before an environment lets it in. */
export const gates = z
  .strictObject({
    scan: z
      .strictObject({
        failOn: z
          .array(rule)
          .min(1)
          .max(20)
          .describe("One broken rule keeps a candidate out: `critical`, `kev`, `high,fixable`"),
        known: z
          .enum(["pass", "fail"])
          .default("pass")
          .describe(
            "Whether what the last environment has already counts: it is no reason to keep other fixes from it",
          ),
        unknown: z
          .enum(["warn", "fail"])
          .default("warn")
          .describe(
            "What follows where the feeds cannot tell: a feed that fails is no reason to stop updates, where this does not say so",
          ),
      })
      .optional()
      .describe("Vulnerabilities that keep a candidate out"),
    drift: z
      .strictObject({
        removed: answer.describe("Packages that are there no more"),
        added: answer.describe("Packages that came anew"),
        downgraded: answer.describe("Packages that are older"),
        setuid: answer.describe("New set-id files, and files with new capabilities"),
        user: answer.describe("Another user"),
        entrypoint: answer.describe("Another entrypoint or command"),
        ports: answer.describe("New ports"),
        size: answer.describe("That its files grew by more than `growth`"),
        growth: z.number().int().min(0).max(10_000).default(25).describe("Percent"),
      })
      .optional()
      .describe("In what a candidate may differ from what the last environment runs"),
  })
  .prefault({});
