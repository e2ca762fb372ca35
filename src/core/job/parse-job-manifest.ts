import { z } from "zod";
import { printable, readYamlMapping, tryShape } from "../../lib/index.ts";

/** Bytes of the largest manifest. */
export const maxJobManifest = 262_144;
const maxProblems = 20;

const text = z.string().max(10_000);
const labels = z.record(z.string().max(400), z.string().max(100_000));
const container = z.looseObject({ name: z.string().min(1).max(63), image: text.optional() });
const refuse = (why: string) => z.undefined({ error: why }).optional();
const isSet = (why: string) => z.literal(false, { error: why }).optional();

const manifest = z.strictObject({
  apiVersion: z.literal("batch/v1", { error: "it can only be batch/v1" }),
  kind: z.literal("Job", { error: "it can only be one Job" }),
  metadata: z
    .strictObject({
      name: text.optional(),
      generateName: text.optional(),
      namespace: text.optional(),
      labels: labels.optional(),
      annotations: labels.optional(),
    })
    .default({}),
  spec: z.looseObject({
    selector: refuse("the cluster chooses it: leave it out"),
    manualSelector: isSet("the cluster chooses the selector: leave it out"),
    managedBy: refuse("nobody else's controller is waited for: leave it out"),
    suspend: isSet("a Job that is suspended never ends"),
    activeDeadlineSeconds: z.number().int().min(1).optional(),
    template: z.looseObject({
      metadata: z.looseObject({ labels: labels.optional() }).optional(),
      spec: z.looseObject({
        nodeSelector: z.record(z.string().max(400), z.string().max(100)).optional(),
        containers: z.array(container).min(1).max(50),
        initContainers: z.array(container).max(50).optional(),
      }),
    }),
  }),
});

/** A Job as somebody wrote it down: what we rely on is there, all else is as it stands. */
export type JobManifest = z.output<typeof manifest>;

export type ParsedJobManifest =
  | { readonly kind: "ok"; readonly manifest: JobManifest }
  /** One line each, with its place: `3:5: spec.suspend: …`. */
  | { readonly kind: "invalid"; readonly problems: readonly string[] };

/**
 * Reads a manifest of one Job (batch/v1, YAML 1.2 or JSON). What would keep it from being found, or from ever ending, is refused with its place; whether every other field is one is for the API server to say. Never throws.
 */
export function parseJobManifest(source: string): ParsedJobManifest {
  if (source.length > maxJobManifest) return invalid([`1:1: it is larger than ${maxJobManifest} characters`]);
  const read = readYamlMapping(source, "it has several documents: one Job is tried");
  if (read.kind === "invalid") return invalid(read.problems);
  const shaped = tryShape(manifest, read.value);
  if (shaped.success) return { kind: "ok", manifest: shaped.data };
  return invalid(
    shaped.issues.flatMap((issue) => {
      const path = issue.path.map((part) => (typeof part === "number" ? part : String(part)));
      if (issue.code !== "unrecognized_keys") return [read.say(path, issue.message)];
      return issue.keys.map((key) => read.say([...path, key], "it is not known here, or the cluster's to say"));
    }),
  );
}

function invalid(problems: readonly string[]): ParsedJobManifest {
  return { kind: "invalid", problems: problems.slice(0, maxProblems).map((one) => printable(one.slice(0, 500))) };
}
