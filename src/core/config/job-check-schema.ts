import { z } from "zod";
import { clusterAccess, kubernetesName, registryName, size, text, variable } from "./values.ts";

const words = z.array(z.string().max(4096)).min(1).max(100);
const label = z.string().regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, "a name of Kubernetes: `checks`");

/** What only Tidemill's own Job has: a manifest says these things itself. */
const ownJob = {
  command: words.optional().describe("Program and arguments in place of its own entrypoint"),
  args: words.optional().describe("In place of its own command"),
  env: z.record(variable, text).optional().describe("Beside those of the image, as they stand"),
  memory: size.optional().describe("512MiB without it"),
  cpus: z.number().min(0.05).max(64).optional().describe("1 without it"),
  storage: size.optional().describe("What it may write to `/tmp`, `/run` and its root: 1GiB without it"),
  writable: z.boolean().optional().describe("Whether its root can be written to"),
  runAsNonRoot: z.boolean().optional().describe("Whether a candidate that would run as root is refused"),
  pullSecrets: z.array(kubernetesName).min(1).max(10).optional().describe("Secrets by which its image is pulled"),
};

/** A Job of a Kubernetes cluster in which a candidate is tried: one of our making, or by a manifest. */
export const jobOfCheck = z
  .strictObject({
    ...clusterAccess,
    namespace: label.describe("Where the Job is made"),
    registry: registryName
      .optional()
      .describe(
        "What stands before the repository where the cluster pulls, if it sees the registry under another name",
      ),
    platforms: z
      .array(z.string().regex(/^[a-z0-9]+\/[a-z0-9_]+(?:\/[a-z0-9]+)?$/, "a platform: `linux/amd64`"))
      .min(1)
      .max(20)
      .optional()
      .describe("Those that the cluster has nodes for; every one of the candidate without it"),
    manifest: z
      .string()
      .min(1)
      .max(4096)
      .regex(/^\P{Cc}+$/u, "a path")
      .optional()
      .describe("A file with one Job, relative to this configuration, in place of one of our making"),
    containers: z
      .array(kubernetesName)
      .min(1)
      .max(50)
      .optional()
      .describe("Which containers of the manifest run the candidate; those of its repository without it"),
    ...ownJob,
  })
  .superRefine((value, context) => {
    const say = (key: string, message: string): void => context.addIssue({ code: "custom", path: [key], message });
    if (value.manifest === undefined) {
      if (value.containers !== undefined) say("containers", "it names containers of a `manifest:`, and there is none");
      return;
    }
    for (const key of Object.keys(ownJob) as (keyof typeof ownJob)[])
      if (value[key] !== undefined) say(key, "the manifest says it: it stands there, or here without `manifest:`");
  });
