import { z } from "zod";
import { bump } from "./bump-schema.ts";
import { report } from "./forge-schema.ts";
import { check } from "./checks-schema.ts";
import { deployments } from "./deployments-schema.ts";
import { evidence } from "./evidence-schema.ts";
import { externalImage } from "./external-schema.ts";
import { environmentRules } from "./environment-schema.ts";
import { feeds } from "./feeds-schema.ts";
import { imageReference, namesOneSource, platforms, repository, sourceFields, tag } from "./image-values.ts";
import { rootedIdentity } from "./identity-schema.ts";
import { notifications } from "./notifications-schema.ts";
import { server } from "./server-schema.ts";
import { webhooks } from "./webhooks-schema.ts";
import { slo } from "./slo-schema.ts";
import { absolutePath, duration, name, owner, size, sizes, text, units, variable } from "./values.ts";

const packageName = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9.+-]{0,200}(?::[a-z0-9]+)?(?:=[0-9A-Za-z.+~:-]+|\/[a-z-]+)?$/,
    "a package as apt-get install takes it: `curl`, `curl=7.88.1-10`, `curl/bookworm-security`",
  );
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

const mode = z
  .string()
  .regex(/^0?[0-7]{3}$/, "three octal digits")
  .optional();
const file = z.union(
  [
    z.strictObject({
      from: text.describe("File or folder, relative to this configuration"),
      to: absolutePath.describe("Where it stands in the image"),
      mode,
      owner: owner.default("0:0"),
    }),
    z.strictObject({
      folder: absolutePath.describe("An empty folder of the image, or the owner and mode of one that is there"),
      mode,
      owner: owner.default("0:0"),
    }),
  ],
  { error: "`{ from: PATH, to: /in/the/image }`, or `{ folder: /in/the/image }`, with `mode` and `owner`" },
);

const account = z.strictObject({
  name: z.string().regex(/^[a-z_][a-z0-9_-]{0,31}$/),
  uid: z.number().int().min(0).max(4_294_967_294),
  gid: z.number().int().min(0).max(4_294_967_294).optional(),
  home: absolutePath.default("/nonexistent"),
  shell: absolutePath.default("/usr/sbin/nologin"),
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
  platforms,
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
  checks: z.array(check).max(100).default([]),
});

const dockerfileImage = z
  .strictObject({
    recipe: z.literal("dockerfile").describe("Built from a Dockerfile by BuildKit or Buildah"),
    repository: repository.optional().describe("Path in the registry; the image's own name without it"),
    ...sourceFields,
    dockerfile: text.default("Dockerfile").describe("Relative to the context"),
    secrets: z
      .record(
        name,
        z.union([z.strictObject({ env: variable }), z.strictObject({ file: text })], {
          error: "`{ env: NAME }` or `{ file: PATH }`",
        }),
      )
      .default({})
      .describe("For `RUN --mount=type=secret,id=…`; never in layers, logs or provenance"),
    upstream: name
      .optional()
      .describe("Whose suites tell what is newer than its packages; by its os-release without it"),
    platforms,
    labels: z.record(z.string().min(1).max(200), text).default({}),
    network: z.enum(["default", "none", "host"]).default("default").describe("Of its RUN steps"),
    limits: z
      .strictObject({
        memory: size.default(4 * sizes.GiB),
        cpus: z.number().min(0.1).max(256).default(2),
        time: duration.default(30 * units.m),
        disk: size.default(20 * sizes.GiB),
        log: size.default(16 * sizes.MiB),
      })
      .prefault({}),
    rebase: z
      .boolean()
      .default(true)
      .describe("Whether its layers may go onto a newer base without a build, where that is shown to be safe"),
    bump: bump
      .optional()
      .describe("Vulnerable packages of its source are brought to the version that cures, by Git; not without it"),
    report: report.optional(),
    checks: z.array(check).max(100).default([]),
  })
  .refine(namesOneSource, { error: "name either `context:` or `git:`" });

const upstreamImage = z.strictObject({
  recipe: z
    .literal("upstream")
    .describe("Somebody else's image: mirrored by digest, and patched where its owner has not"),
  repository: repository.optional().describe("Path in the registry; the image's own name without it"),
  from: imageReference.describe("What is mirrored; how its tag is followed is said in `bases:`"),
  patch: z
    .enum(["all", "security", "none"])
    .default("all")
    .describe("Which packages are brought up to date where the owner's image lags"),
  labels: z
    .record(z.string().min(1).max(200), text)
    .optional()
    .describe("By which access can be limited; the image, which is somebody else's, does not get them"),
  upstream: name.optional().describe("Whose suites tell what is newer than its packages; by its os-release without it"),
  platforms,
  checks: z.array(check).max(100).default([]),
});

const image = z.discriminatedUnion("recipe", [packagesImage, dockerfileImage, upstreamImage, externalImage], {
  error: "recipe is `packages`, `dockerfile`, `upstream` or `external`",
});

const follow = z.union(
  [
    z.strictObject({ tag: tag.describe("This tag, wherever it moves") }),
    z.strictObject({
      semver: z.string().min(1).max(200).describe("The newest version in this range: `^1.2`"),
      suffix: z.string().max(100).optional(),
      prerelease: z.boolean().default(false),
    }),
    z.strictObject({
      like: tag.describe("The newest tag like this one: `12.5-slim`"),
      series: z.string().max(50).optional().describe("Numbers that stay: `3.19`; `*` for none"),
    }),
    z.strictObject({ date: z.string().min(1).max(100).describe("The newest date: `bookworm-YYYYMMDD-slim`") }),
    z.strictObject({
      pattern: z.string().min(1).max(200).describe("A regular expression with named groups that matches a whole tag"),
      order: z
        .array(z.strictObject({ group: z.string().max(50), by: z.enum(["numeric", "semver", "alphabetic"]) }))
        .min(1)
        .max(10),
    }),
    z.strictObject({
      digest: z
        .string()
        .regex(/^sha256:[0-9a-f]{64}$/, "a digest")
        .describe("This one, until a person takes another"),
      tag: tag.default("latest").describe("Where newer ones are looked for, to be proposed"),
    }),
  ],
  { error: "one of `tag`, `semver`, `like`, `date`, `pattern` with `order`, `digest`" },
);

const base = z.strictObject({
  follow: follow.optional().describe("Without it the tag that is written where it is used"),
  settle: duration
    .default(10 * units.m)
    .describe("How long a moved tag must have stood still: an index of several platforms fills up bit by bit"),
  coolDown: duration
    .optional()
    .describe("How long a new digest waits after we first saw it; that of the policies without it"),
  signature: z
    .union(
      [
        z.strictObject({ key: text.describe("Path of the public key that it must be signed with, as by cosign") }),
        rootedIdentity,
      ],
      { error: "`{ key: PATH }`, or `issuer`, `subject` and `trustedRoot`" },
    )
    .optional()
    .describe("Who must have signed it before it is believed"),
  provenance: z
    .strictObject({
      builder: z
        .string()
        .min(1)
        .max(2048)
        .describe("Id of the builder, whole; one that ends in `*`: all that begin so"),
    })
    .optional()
    .describe("Who must have built it, by SLSA provenance that whoever signs it signed as well"),
  insecure: z.boolean().default(false).describe("Plain HTTP"),
});

const environment = z.strictObject({
  name,
  ...environmentRules,
  requireRun: z
    .boolean()
    .default(false)
    .describe("Whether checks that could not run, for want of an engine, keep a candidate out"),
  checks: z.array(check).max(100).default([]).describe("For every image that comes here"),
});

const policies = z.strictObject({
  coolDown: duration
    .default(3 * units.d)
    .describe(
      "How long an ordinary update waits after we first saw it; a suite's first generation passes, and what is `exempt`",
    ),
  securityCoolDown: duration
    .default(units.d)
    .describe(
      "How long an update waits that feeds call a security fix, where it is not exempt; never longer than `coolDown`",
    ),
  exempt: z
    .array(z.enum(["exploited", "critical", "security-suites"]))
    .max(3)
    .default(["exploited", "critical", "security-suites"])
    .describe(
      "What waits for nothing: what closes something known to be exploited, or critical by a strong feed or two kinds of feeds, and what signed security suites offer",
    ),
  malicious: z
    .enum(["rollback", "alarm"])
    .default("rollback")
    .describe(
      "Where an environment runs what an advisory says was published to do harm: taken back at once, or an alarm alone",
    ),
  maxRebuildsPerHour: z
    .number()
    .int()
    .min(1)
    .max(10_000)
    .default(12)
    .describe("Of one image, before the breaker opens"),
  keep: z.number().int().min(1).max(1000).default(5).describe("Digests that each environment may return to"),
  keepFor: duration
    .default(units.d)
    .refine((time) => time >= units.h, { error: "at least 1h: somebody may be pulling it" })
    .describe("How long any digest stays"),
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
  deployments,
  bases: z
    .record(imageReference, base)
    .default({})
    .describe(
      "How images of others are followed, by the name that a FROM or `from:` gives them, or by their repository",
    ),
  engine: z
    .strictObject({
      use: z.enum(["auto", "docker", "buildctl", "buildah"]).default("auto").describe("What builds Dockerfiles"),
      address: text
        .optional()
        .describe("Of buildkitd: `tcp://build.example:1234`, `unix:///run/buildkit/buildkitd.sock`"),
      tls: z.strictObject({ ca: text, cert: text, key: text }).optional().describe("Paths of PEM files, for buildkitd"),
    })
    .prefault({}),
  feeds,
  evidence,
  slo,
  vex: z
    .array(text)
    .max(100)
    .default([])
    .describe("OpenVEX documents, or folders of them: what they call not affected is shown and starts nothing"),
  notifications: notifications.prefault({}),
  server: server.prefault({}),
  webhooks,
  watch: z.strictObject({ interval: duration.default(15 * units.m) }).prefault({}),
  workers: z.number().int().min(1).max(64).default(2),
  images: z.record(name, image),
});

export type Config = z.output<typeof configSchema>;
export type ImageConfigEntry = Config["images"][string];
export type PackagesImage = Extract<ImageConfigEntry, { recipe: "packages" }>;
export type DockerfileImage = Extract<ImageConfigEntry, { recipe: "dockerfile" }>;
export type UpstreamImage = Extract<ImageConfigEntry, { recipe: "upstream" }>;
export type BaseConfig = Config["bases"][string];
export type EnvironmentConfig = Config["environments"][number];
export type UpstreamConfig = Config["upstreams"][string];
export type PolicyConfig = Config["policies"];

/** JSON Schema of tidemill.yaml, for editors: what a person may write, defaults left out. */
export function configJsonSchema(): object {
  return z.toJSONSchema(configSchema, { io: "input", unrepresentable: "any" });
}
