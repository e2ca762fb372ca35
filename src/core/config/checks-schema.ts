import { z } from "zod";
import { jobOfCheck } from "./job-check-schema.ts";
import {
  absolutePath,
  duration,
  headers,
  httpAddress,
  name,
  owner,
  signingSecret,
  size,
  text,
  units,
  variable,
} from "./values.ts";

const timeout = duration.default(60_000);
const path = z
  .string()
  .min(1)
  .max(4096)
  .regex(/^\P{Cc}+$/u, "a path");
const common = {
  name: name.describe("For reports"),
  retries: z
    .union(
      [
        z
          .number()
          .int()
          .min(0)
          .max(10)
          .transform((count) => ({ count, pause: units.s })),
        z.strictObject({ count: z.number().int().min(0).max(10), pause: duration.default(units.s) }),
      ],
      { error: "how often it is tried again, or `{ count: 2, pause: 10s }`" },
    )
    .optional()
    .describe("How often it is tried again before it counts as failed, and the pause before each; never without it"),
};
const words = z.array(z.string().max(4096)).min(1).max(100);

const run = z.strictObject({
  ...common,
  run: words.describe("Program and arguments, run in the candidate"),
  status: z.number().int().min(0).max(255).default(0),
  output: z.string().max(1000).optional().describe("Text that the output must contain"),
  network: z.boolean().default(false),
  timeout,
});

const started = {
  command: words.optional().describe("Program and arguments in place of its own entrypoint"),
  env: z.record(variable, text).default({}).describe("Beside those of the image"),
  writable: z.boolean().default(false).describe("Whether its root can be written to"),
  start: duration.default(30_000).describe("Within which it must have answered as is wanted"),
};
const service = { ...common, ...started, timeout: duration.default(5 * units.s).describe("Of one question") };
const port = z.number().int().min(1).max(65_535);

const question = z.strictObject({
  port,
  path: z
    .string()
    .max(2000)
    .regex(/^\/[!-~]*$/, "a path: `/healthz`")
    .default("/"),
  method: z.enum(["GET", "HEAD", "POST"]).default("GET"),
  headers: headers.default({}),
  status: z.array(z.number().int().min(100).max(599)).min(1).max(100).optional(),
  contains: z.string().min(1).max(1000).optional(),
});

const http = z.strictObject({
  ...service,
  http: question.describe("A question to the candidate, started in a container without the outside world"),
});

const tcp = z.strictObject({
  ...service,
  tcp: port.describe("On which the candidate, started in a container without the outside world, must listen"),
});

const script = z.strictObject({
  ...common,
  script: words.describe(
    "Program and arguments, run where Tidemill runs; it is told TIDEMILL_IMAGE, _ENVIRONMENT, _DIGEST, _REFERENCE, _PLATFORM",
  ),
  serve: z
    .strictObject({ port, ...started })
    .optional()
    .describe(
      "The candidate is started for it; once it listens on `port` the program is told TIDEMILL_ADDRESS, `host:port`",
    ),
  timeout,
});

const pipeline = z.strictObject({
  ...common,
  pipeline: z
    .strictObject({
      url: httpAddress,
      secret: signingSecret,
      poll: duration
        .default(10 * units.s)
        .refine((every) => every >= 100 && every <= units.h, { error: "at least 100ms, at most 1h" })
        .describe("Between two looks at the status that it names"),
    })
    .describe("Your CI gives the verdict: it is asked by a signed request, once for all platforms"),
  timeout: duration.default(30 * units.m).describe("Within which its verdict has to be there"),
});

const wantedText = z.union(
  [
    z.string().min(1).max(1000),
    z.strictObject({ pattern: z.string().min(1).max(1000).describe("An expression of RE2, found anywhere in it") }),
  ],
  { error: "a text, or `{ pattern: EXPRESSION }`" },
);
/** One, or several in a list. */
const wantedTexts = z
  .union([wantedText.transform((one) => [one]), z.array(wantedText).min(1).max(100)], {
    error: "a text, `{ pattern: EXPRESSION }`, or a list of them",
  })
  .optional();

const expectedFile = z
  .strictObject({
    path: absolutePath,
    exists: z.boolean().default(true),
    type: z.enum(["file", "directory", "symlink"]).optional().describe("Without it whatever its links lead to"),
    mode: z
      .string()
      .regex(/^0?[0-7]{3,4}$/, "three or four octal digits")
      .optional(),
    owner: owner.optional(),
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/, "64 hexadecimal digits")
      .optional()
      .describe("Of its content"),
    maxSize: size.optional(),
    contains: wantedTexts.describe("What its content, of at most 16 MiB, must have"),
    lacks: wantedTexts.describe("What its content, of at most 16 MiB, must not have"),
  })
  .refine(
    ({ exists, path: _path, ...wanted }) => exists || Object.values(wanted).every((value) => value === undefined),
    { error: "of a file that must not be there nothing else can be wanted" },
  );

const structure = z.strictObject({
  name: common.name,
  structure: z
    .strictObject({
      files: z.array(expectedFile).max(1000).default([]),
      env: z.record(variable, text).default({}).describe("Variables that it must have, with these values"),
      user: text.optional(),
      entrypoint: z.array(text).max(100).optional(),
      cmd: z.array(text).max(100).optional(),
      workdir: absolutePath.optional(),
      labels: z.record(z.string().min(1).max(200), text).default({}),
      ports: z
        .array(z.string().regex(/^\d{1,5}(?:\/(?:tcp|udp))?$/, "`8080`, `53/udp`"))
        .max(100)
        .optional()
        .describe("All that it exposes, and no other"),
      maxSize: size.optional().describe("Of all its files together, unpacked"),
    })
    .describe("What must hold of its files and its config: read from its own layers, without an engine"),
});

const structureTests = z.strictObject({
  ...common,
  structureTests: z
    .array(path)
    .min(1)
    .max(100)
    .describe("Files of container-structure-test, relative to this configuration"),
  network: z.boolean().default(false),
  writable: z.boolean().default(false).describe("Whether the root of its commands can be written to"),
  timeout: timeout.describe("Of one command"),
});

const inSet = {
  service: z.string().min(1).max(63).describe("Of the compose file"),
  timeout: duration.default(5 * units.s).describe("Of one question"),
};
const setProbe = z.union(
  [
    z.strictObject({ ...inSet, http: question }),
    z.strictObject({ ...inSet, tcp: port }),
    z.strictObject({
      ...inSet,
      command: words.describe("Run in the service's container: well where it ends with 0"),
      output: z.string().max(1000).optional().describe("Text that its output must contain"),
    }),
  ],
  { error: "a probe has a `service` and one of `http`, `tcp`, `command`" },
);

const compose = z.strictObject({
  ...common,
  compose: path.describe("A compose file, relative to this configuration"),
  service: inSet.service.describe("Whose image the candidate takes the place of"),
  probes: z.array(setProbe).min(1).max(50).describe("All of them have to be well"),
  writable: z.boolean().default(false).describe("Whether the candidate's root can be written to"),
  timeout: duration.default(3 * units.m).describe("Within which the set has to be started and well"),
});

const job = z.strictObject({
  ...common,
  job: jobOfCheck.describe("A Job of a Kubernetes cluster, with the candidate in it, has to complete"),
  timeout: duration
    .default(5 * units.m)
    .refine((limit) => limit >= units.s && limit <= units.d, { error: "at least 1s, at most 1d" })
    .describe("Within which it has to be complete, the pull included"),
});

/** What a candidate must pass, told apart by the key that it names. */
export const check = z.union([run, http, tcp, structure, structureTests, script, compose, job, pipeline], {
  error:
    "a check has a `name` and one of `run`, `http`, `tcp`, `structure`, `structureTests`, `script`, `compose`, `job`, `pipeline`; `tidemill schema` says what else",
});

export type CheckConfig = z.output<typeof check>;

/** Whether a check runs the candidate: without an engine it is not run. */
export function needsEngine(asked: CheckConfig): boolean {
  if ("script" in asked) return asked.serve !== undefined;
  return "run" in asked || "http" in asked || "tcp" in asked || "compose" in asked;
}
