import { z } from "zod";

const name = z.string().regex(
  // Every object has a `constructor`: as a name it would be found where nothing is.
  /^(?!constructor$)[a-z0-9](?:[a-z0-9._-]{0,98}[a-z0-9])?$/,
  "lower-case letters, digits, `.`, `_` and `-`, at most 100 characters",
);
const text = z.string().max(4096);
const packageName = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9.+-]{0,200}(?::[a-z0-9]+)?(?:=[0-9A-Za-z.+~:-]+|\/[a-z-]+)?$/,
    "a package as apt-get install takes it: `curl`, `curl=7.88.1-10`, `curl/bookworm-security`",
  );
const repository = z
  .string()
  .regex(
    /^[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:\/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*$/,
    "a repository: lower-case path components, as `team/app`",
  )
  .max(200);
const absolutePath = z
  .string()
  .max(1024)
  .regex(/^\/[^\0]*$/, "an absolute path in the image");
const platform = z.enum(["linux/amd64", "linux/arm64"]);

const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;
/** A span of time: `30s`, `15m`, `2h`, `3d`. Read as milliseconds. */
const duration = z
  .string()
  .regex(/^\d{1,6}(?:ms|s|m|h|d|w)$/, "a span of time: `30s`, `15m`, `2h`, `3d`")
  .transform((value) => {
    const [, digits = "0", unit = "s"] = /^(\d+)([a-z]+)$/.exec(value) ?? [];
    return Number(digits) * (units[unit as keyof typeof units] ?? 1000);
  });

const debianUpstream = z.strictObject({
  kind: z.literal("debian").describe("A Debian archive: its suites are watched and verified"),
  codename: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,49}$/, "lower-case letters, digits and `-`")
    .describe("Release, pinned by its codename: `bookworm`, `trixie`; any of an archive with `mirror` and `keyrings`"),
  suites: z
    .array(z.enum(["release", "updates", "security"]))
    .min(1)
    .max(3)
    .default(["release", "updates", "security"])
    .describe("Which suites are open"),
  mirror: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe("Root of the archive; without it TIDEMILL_DEBIAN_MIRROR, else the system's apt sources"),
  securityMirror: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe("Root of the security archive; without it the one beside the mirror"),
  components: z
    .array(z.string().regex(/^[a-z0-9][a-z0-9-]*$/))
    .min(1)
    .max(10)
    .default(["main"]),
  keyrings: z
    .array(text)
    .min(1)
    .max(10)
    .optional()
    .describe("Paths of OpenPGP keyrings in place of those that are shipped"),
});

const file = z.strictObject({
  from: text.describe("File or folder, relative to this configuration"),
  to: absolutePath.describe("Where it stands in the image"),
  mode: z
    .string()
    .regex(/^0?[0-7]{3}$/, "three octal digits")
    .optional(),
  owner: z
    .string()
    .regex(/^\d{1,9}:\d{1,9}$/, "numbers, as `1000:1000`")
    .default("0:0"),
});

const account = z.strictObject({
  name: z.string().regex(/^[a-z_][a-z0-9_-]{0,31}$/),
  uid: z.number().int().min(0).max(4_294_967_294),
  gid: z.number().int().min(0).max(4_294_967_294).optional(),
  home: absolutePath.default("/nonexistent"),
  shell: absolutePath.default("/usr/sbin/nologin"),
});

const runCheck = z.strictObject({
  name: name.describe("For reports"),
  run: z.array(z.string().max(4096)).min(1).max(100).describe("Program and arguments, run in the candidate"),
  status: z.number().int().min(0).max(255).default(0),
  output: z.string().max(1000).optional().describe("Text that the output must contain"),
  network: z.boolean().default(false),
  timeout: duration.default(60_000),
});

const packagesImage = z.strictObject({
  recipe: z.literal("packages").describe("Assembled from distribution packages, without a daemon"),
  upstream: name.describe("Where the packages come from: a name of `upstreams`"),
  repository: repository.optional().describe("Path in the registry; the image's own name without it"),
  parent: name.optional().describe("Image whose packages and layers it starts from"),
  packages: z.array(packageName).max(1000).default([]),
  essential: z
    .boolean()
    .default(false)
    .describe("With the Essential set: a base on which a Dockerfile can run apt-get"),
  recommends: z.boolean().default(false),
  exclude: z.array(packageName).max(1000).default([]),
  platforms: z.array(platform).min(1).max(2).default(["linux/amd64"]),
  entrypoint: z.array(text).max(100).optional(),
  cmd: z.array(text).max(100).optional(),
  env: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), text).default({}),
  user: z
    .string()
    .regex(/^[A-Za-z0-9_][A-Za-z0-9_-]*(?::[A-Za-z0-9_-]+)?$/)
    .optional(),
  workdir: absolutePath.optional(),
  labels: z.record(z.string().min(1).max(200), text).default({}),
  ports: z
    .array(z.string().regex(/^\d{1,5}(?:\/(?:tcp|udp))?$/))
    .max(100)
    .default([]),
  files: z.array(file).max(1000).default([]),
  accounts: z.array(account).max(1000).default([]),
  timezone: z
    .string()
    .regex(/^[A-Za-z0-9_+-]+(?:\/[A-Za-z0-9_+-]+)*$/)
    .optional(),
  checks: z.array(runCheck).max(100).default([]),
});

const image = z.discriminatedUnion("recipe", [packagesImage], {
  error: 'recipe is "packages"; other recipes are not supported in this version',
});

const environment = z.strictObject({
  name,
  soak: duration.default(0).describe("How long a digest stands here, its checks going on, before it goes further"),
  auto: z.boolean().default(true).describe("Without it a person promotes: `tidemill promote`"),
  requireRun: z.boolean().default(false).describe("Whether `run:` checks that could not run keep a candidate out"),
  checks: z.array(runCheck).max(100).default([]).describe("For every image that comes here"),
});

const policies = z.strictObject({
  coolDown: duration
    .default(3 * units.d)
    .describe(
      "How long an ordinary update waits after we first saw it; security suites and a suite's first generation pass",
    ),
  maxRebuildsPerHour: z
    .number()
    .int()
    .min(1)
    .max(10_000)
    .default(12)
    .describe("Of one image, before the breaker opens"),
  keep: z.number().int().min(1).max(1000).default(5).describe("Digests that each environment may return to"),
  attempts: z.number().int().min(1).max(20).default(3).describe("Of one rebuild, before it fails"),
});

/** The shape of `tidemill.yaml`; rules between its parts are in check-references. */
export const configSchema = z.strictObject({
  version: z.literal(1),
  registry: z
    .strictObject({
      url: z
        .string()
        .regex(/^[a-z0-9.-]+(?::\d{1,5})?(?:\/[a-z0-9._/-]+)?$/, "host[:port][/path]")
        .optional()
        .describe("Where images go; without it the embedded registry"),
      insecure: z.boolean().default(false).describe("Plain HTTP"),
    })
    .prefault({}),
  upstreams: z.record(name, debianUpstream),
  environments: z.array(environment).min(1).max(10).describe("In the order of promotion"),
  policies: policies.prefault({}),
  feeds: z
    .strictObject({
      osv: text.optional().describe("OSV records for Debian: a zip, a folder, or a URL"),
      debianTracker: text.optional().describe("The Debian security tracker's JSON: a file or a URL"),
    })
    .prefault({}),
  notifications: z
    .strictObject({
      webhook: z
        .strictObject({
          url: z.url({ protocol: /^https?$/ }),
          secret: z.string().min(1).max(500).describe("May name a variable: `${TIDEMILL_WEBHOOK_SECRET}`"),
        })
        .optional(),
    })
    .prefault({}),
  server: z
    .strictObject({
      listen: z
        .string()
        .regex(/^(?:127\.0\.0\.1|\[::1\]|localhost):\d{1,5}$/, "a loopback address and port: `127.0.0.1:7077`")
        .default("127.0.0.1:7077"),
    })
    .prefault({}),
  watch: z.strictObject({ interval: duration.default(15 * units.m) }).prefault({}),
  workers: z.number().int().min(1).max(64).default(2),
  images: z.record(name, image),
});

export type Config = z.output<typeof configSchema>;
export type ImageConfigEntry = Config["images"][string];
export type EnvironmentConfig = Config["environments"][number];
export type UpstreamConfig = Config["upstreams"][string];
export type PolicyConfig = Config["policies"];
export type RunCheckConfig = ImageConfigEntry["checks"][number];

/** JSON Schema of tidemill.yaml, for editors: what a person may write, defaults left out. */
export function configJsonSchema(): object {
  return z.toJSONSchema(configSchema, { io: "input", unrepresentable: "any" });
}
