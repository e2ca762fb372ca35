import { z } from "zod";
import { compileRegex } from "./regex.ts";

const text = z.string().max(10_000);
const label = z.string().min(1).max(200);
const absolute = z.string().max(4096).regex(/^\//, "an absolute path");
const words = z.array(text).min(1).max(100);
const regex = z
  .string()
  .max(10_000)
  .superRefine((pattern, context) => {
    const compiled = compileRegex(pattern);
    if (compiled.kind === "wrong")
      context.addIssue({ code: "custom", message: `no expression of RE2: ${compiled.why}` });
  });
const regexes = z.array(regex).max(100).default([]);
const pair = z.strictObject({ key: z.string().min(1).max(1000), value: text.default("") });
const pairs = z.array(pair).max(1000).default([]);
const wantedPairs = z
  .array(pair.extend({ isRegex: z.boolean().default(false) }))
  .max(1000)
  .default([])
  .superRefine((all, context) => {
    for (const [at, { value, isRegex }] of all.entries()) {
      const compiled = isRegex ? compileRegex(value) : undefined;
      if (compiled?.kind === "wrong")
        context.addIssue({ code: "custom", path: [at, "value"], message: `no expression of RE2: ${compiled.why}` });
    }
  });
const ports = z
  .array(
    z
      .union([z.string(), z.number()])
      .transform(String)
      .pipe(z.string().regex(/^\d{1,5}(?:\/\w+)?$/, "a port")),
  )
  .max(1000)
  .default([]);

const command = z.strictObject({
  name: label,
  setup: z.array(words).max(100).default([]),
  /** The container is gone after its command: there is nothing to take down. */
  teardown: z.array(words).max(100).default([]),
  envVars: pairs,
  command: text.min(1),
  args: z.array(text).max(100).default([]),
  expectedOutput: regexes,
  excludedOutput: regexes,
  expectedError: regexes,
  excludedError: regexes,
  exitCode: z.number().int().min(0).max(255).default(0),
});

const existence = z.strictObject({
  name: label,
  path: absolute,
  shouldExist: z.boolean().default(true),
  permissions: z
    .string()
    .regex(/^[dalTLDpSugct?-]{1,3}[r-][w-][x-][r-][w-][x-][r-][w-][x-]$/, "as Go writes modes: `-rwxr-xr-x`")
    .optional(),
  uid: z.number().int().min(-1).default(-1),
  gid: z.number().int().min(-1).default(-1),
  isExecutableBy: z.enum(["", "owner", "group", "other", "any"]).default(""),
});

const contents = z.strictObject({ name: label, path: absolute, expectedContents: regexes, excludedContents: regexes });

const metadata = z.strictObject({
  env: wantedPairs,
  envVars: wantedPairs,
  labels: wantedPairs,
  exposedPorts: ports,
  unexposedPorts: ports,
  volumes: z.array(text).max(1000).default([]),
  unmountedVolumes: z.array(text).max(1000).default([]),
  entrypoint: z.array(text).max(100).nullish(),
  cmd: z.array(text).max(100).nullish(),
  workdir: text.default(""),
  user: text.default(""),
});

/** A file of container-structure-test, version 2.0.0 of its schema. What asks for rights that a candidate is not given, and licences, are refused by name. */
export const structureTestsSchema = z.strictObject({
  schemaVersion: z.literal("2.0.0", { error: 'only "2.0.0" is read' }),
  globalEnvVars: pairs,
  containerRunOptions: z
    .strictObject({ user: text.optional() }, { error: "of it only `user` is given to a candidate" })
    .default({}),
  commandTests: z.array(command).max(1000).default([]),
  fileExistenceTests: z.array(existence).max(10_000).default([]),
  fileContentTests: z.array(contents).max(1000).default([]),
  metadataTest: metadata.optional(),
  metadataTests: metadata.optional(),
  licenseTests: z.array(z.unknown()).max(0, { error: "licences are not looked at" }).default([]),
});

export type StructureTests = z.output<typeof structureTestsSchema>;
export type CommandTest = StructureTests["commandTests"][number];
