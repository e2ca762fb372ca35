import { z } from "zod";
import { duration, name, units } from "./values.ts";

const program = z.array(z.string().max(4096)).min(1).max(100);

const place = {
  environment: name.describe("Whose pointer says what is to run"),
  images: z.array(name).min(1).max(1000).optional().describe("Which images; every one without it"),
  deadline: duration
    .default(10 * units.m)
    .describe(
      "How long it may take until the new digest is seen serving; then it is undone and the environment goes back",
    ),
  registry: z
    .string()
    .max(300)
    .regex(/^[a-z0-9.-]+(?::\d{1,5})?(?:\/[a-z0-9._/-]+)?$/, "host[:port][/path]")
    .optional()
    .describe("What stands before the repository where the system pulls, if it sees the registry under another name"),
};

const command = z.strictObject({
  run: program.describe("Your program: it makes the system use TIDEMILL_REFERENCE, and ends with 0"),
  observe: program.optional().describe("Prints the digests that run, one a line; nothing where nothing runs"),
  undo: program.optional().describe("Brings TIDEMILL_PREVIOUS back; `run` with that digest without it"),
});

/** Every kind of running system, by the key that it has in a deployment. */
const targets = {
  command: command.optional().describe("A program of your own"),
};

const deployment = z.strictObject({ ...place, ...targets }).superRefine((value, context) => {
  const named = Object.keys(targets).filter((key) => value[key as keyof typeof targets] !== undefined);
  if (named.length === 1) return;
  const known = Object.keys(targets).join(", ");
  const message =
    named.length === 0 ? `it names no target: one of ${known}` : `it has several targets: ${named.join(", ")}`;
  context.addIssue({ code: "custom", path: named.slice(1, 2), message });
});

/** Running systems that are made to use what the environments name. */
export const deployments = z
  .record(name, deployment)
  .refine((all) => Object.keys(all).length <= 1000, { error: "there are more than 1000" })
  .default({})
  .describe("Running systems, each by a name of its own");

export type DeploymentConfig = z.output<typeof deployment>;
export type CommandConfig = z.output<typeof command>;
