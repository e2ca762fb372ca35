import { z } from "zod";
import { addressOfForge } from "./address-of-forge.ts";
import { committerFields, forgeFields } from "./forge-schema.ts";
import {
  clusterAccess,
  duration,
  headers,
  httpAddress,
  kubernetesName,
  name,
  registryName,
  signingSecret,
  units,
} from "./values.ts";

const program = z.array(z.string().max(4096)).min(1).max(100);

const place = {
  environment: name.describe("Whose pointer says what is to run"),
  images: z.array(name).min(1).max(1000).optional().describe("Which images; every one without it"),
  deadline: duration
    .default(10 * units.m)
    .describe(
      "How long it may take until the new digest is seen serving; then it is undone and the environment goes back",
    ),
  registry: registryName
    .optional()
    .describe("What stands before the repository where the system pulls, if it sees the registry under another name"),
};

const command = z.strictObject({
  run: program.describe("Your program: it makes the system use TIDEMILL_REFERENCE, and ends with 0"),
  observe: program.optional().describe("Prints the digests that run, one a line; nothing where nothing runs"),
  undo: program.optional().describe("Brings TIDEMILL_PREVIOUS back; `run` with that digest without it"),
});

const webhook = z.strictObject({
  url: httpAddress,
  secret: signingSecret,
  observe: httpAddress
    .optional()
    .describe('Answers `{ "digest": … }`, what runs; `{image}` stands for the image\'s name'),
  poll: duration
    .default(5 * units.s)
    .refine((every) => every >= 100, { error: "at least 100ms" })
    .describe("Between two looks at the status that it names"),
});

const compose = z.strictObject({
  file: z
    .string()
    .min(1)
    .max(4096)
    .default("docker-compose.yml")
    .describe("Your compose file, relative to this configuration; it is never changed"),
  project: z
    .string()
    .regex(/^[a-z0-9][a-z0-9_-]{0,99}$/, "a compose project: lower-case letters, digits, `_` and `-`")
    .optional()
    .describe("By the `name:` of the file or its folder without it"),
  services: z
    .record(name, z.string().regex(/^[A-Za-z0-9._-]{1,100}$/, "the name of a service"))
    .refine((services) => Object.keys(services).length > 0, { error: "it names no service" })
    .describe("Which service runs which image: `{ web: frontend }`"),
  order: z
    .enum(["start-first", "stop-first"])
    .default("start-first")
    .describe(
      "`start-first`: the new container is healthy before the old one goes. `stop-first`: for what cannot run twice, with a gap",
    ),
  steady: duration
    .optional()
    .describe(
      "How long a container without a health check has to run to count as healthy; without it one that has none is refused",
    ),
  drain: duration
    .default(0)
    .describe(
      "Between the new container being healthy and the end of the old one: as long as a proxy takes to see the new one",
    ),
});

const tag = z.strictObject({
  to: z
    .string()
    .max(500)
    .regex(
      /^(?:[a-z0-9-]*[.:][a-z0-9.:-]*|localhost)\/[a-z0-9._/{}-]+$/,
      "a repository with its registry: `registry.example/team/{image}`",
    )
    .refine((to) => !/[{}]/.test(to.replaceAll("{image}", "")), { error: "only `{image}` stands for something" })
    .describe("`{image}` stands for the image's name"),
  tag: z
    .string()
    .regex(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/, "a tag")
    .optional()
    .describe("The environment's name without it"),
  evidence: z
    .boolean()
    .default(true)
    .describe("Whether signatures, SBOMs and other artifacts that name the digest come with it"),
  insecure: z.boolean().default(false).describe("Plain HTTP; loopback needs no word"),
});

const inRepository = z
  .string()
  .min(1)
  .max(1000)
  .refine(
    (path) =>
      !/^[/-]|\\|[\p{Cc}]/u.test(path) &&
      path
        .replace(/\/$/, "")
        .split("/")
        .every((part) => !/^\.{0,2}$/.test(part)),
    { error: "a file from the top of the repository: `deploy/web.yaml`; a folder: `deploy/`" },
  );

const fluxName = z
  .string()
  .max(300)
  .regex(
    /^(?:[a-z0-9.-]|\{image\})+\/(?:[a-z0-9.-]|\{image\})+$/,
    "namespace and name: `flux-system/apps`, `shop/{image}`",
  );

const live = z.union(
  [
    z.strictObject({
      url: httpAddress.describe('Answers `{ "digest": … }`, what runs; `{image}` stands for the image\'s name'),
      headers: headers.default({}),
    }),
    z.strictObject({
      argocd: z.strictObject({
        url: z
          .string()
          .max(2000)
          .regex(/^https?:\/\/[^\s?#@]*[^\s?#@/]$/, "an address without credentials and without a slash at its end")
          .refine((url) => URL.canParse(url), { error: "not an address" }),
        application: z
          .string()
          .max(300)
          .regex(/^(?:[a-z0-9.-]|\{image\})+$/, "the name of an application: `shop`, `shop-{image}`"),
        token: z
          .string()
          .min(1)
          .max(4096)
          .regex(/^[!-~]+$/, "a token")
          .optional()
          .describe("May name a variable: `${ARGOCD_TOKEN}`"),
      }),
    }),
    z.strictObject({
      flux: z
        .strictObject({
          ...clusterAccess,
          kustomization: fluxName.optional().describe("A Kustomization of Flux, with its namespace"),
          helmRelease: fluxName.optional().describe("A HelmRelease of Flux, with its namespace"),
          namespaces: z
            .array(kubernetesName)
            .min(1)
            .max(50)
            .optional()
            .describe("Where what it makes is looked for; in every namespace without it"),
        })
        .refine(({ kustomization, helmRelease }) => (kustomization === undefined) !== (helmRelease === undefined), {
          error: "either `kustomization:` or `helmRelease:`",
        }),
    }),
  ],
  { error: "`{ url: … }`, `{ argocd: { url: …, application: … } }`, or `{ flux: { kustomization: … } }`" },
);

const pullRequest = z.strictObject({
  ...forgeFields,
  branch: z
    .string()
    .max(200)
    .regex(/^[A-Za-z0-9._/{}-]+$/, "a branch: `tidemill/{deployment}/{image}`")
    .refine((branch) => ["{deployment}", "{image}"].every((one) => branch.includes(one)), {
      error: "it has to hold `{deployment}` and `{image}`: each proposal is a branch of its own",
    })
    .refine((branch) => !/[{}]/.test(branch.replaceAll(/\{(?:deployment|image)\}/g, "")), {
      error: "only `{deployment}` and `{image}` stand for something",
    })
    .default("tidemill/{deployment}/{image}")
    .describe("Where the change is proposed from; it is ours, and made anew when it has to be"),
  within: duration
    .default(7 * units.d)
    .describe("How long it may wait to be merged; then it is closed, and the environment goes back"),
});

const gitops = z.strictObject({
  url: z
    .string()
    .min(1)
    .max(2000)
    .describe("https, ssh or file; credentials come from the environment or Git's own helper"),
  branch: z.string().min(1).max(250).default("main").describe("It is pushed to, never by force"),
  files: z
    .array(inRepository)
    .min(1)
    .max(100)
    .refine((files) => new Set(files).size === files.length, { error: "a file stands there twice" })
    .describe(
      "Which files hold the digests, from the top of the repository: YAML or `.env`; `apps/` is all of those below",
    ),
  ...committerFields,
  live: live.optional().describe("Where to ask what runs, beside the branch: the branch alone says without it"),
  pullRequest: pullRequest
    .optional()
    .describe(
      "The change is proposed to people instead of being pushed to the branch; its token is TIDEMILL_FORGE_TOKEN, else TIDEMILL_GIT_TOKEN",
    ),
});

const label = "[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?";

const kubernetes = z
  .strictObject({
    ...clusterAccess,
    namespaces: z.array(kubernetesName).min(1).max(50).describe("Where the workloads are"),
    workloads: z
      .array(
        z
          .string()
          .max(300)
          .regex(
            /^(?:deployment|statefulset|daemonset|cronjob)\/[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/,
            "`deployment/web`, `statefulset/…`, `daemonset/…`, `cronjob/…`",
          ),
      )
      .min(1)
      .max(200)
      .optional()
      .describe("Which workloads, by name: `deployment/web`"),
    selector: z
      .string()
      .max(500)
      .regex(
        new RegExp(`^(?:[a-z0-9.-]+/)?${label}=${label}(?:,(?:[a-z0-9.-]+/)?${label}=${label})*$`),
        "labels: `app.kubernetes.io/part-of=shop`",
      )
      .optional()
      .describe("Which workloads, by their labels"),
    count: z
      .number()
      .int()
      .min(1)
      .max(1000)
      .optional()
      .describe("How many workloads run each image: with more or fewer nothing is changed"),
    containers: z
      .record(name, z.array(kubernetesName).min(1).max(50))
      .default({})
      .describe("Which containers run an image: `{ web: [frontend] }`; those of the image's repository without it"),
  })
  .refine(({ workloads, selector }) => (workloads === undefined) !== (selector === undefined), {
    error: "either `workloads:` or `selector:` says which workloads",
  });

/** Every kind of running system, by the key that it has in a deployment. */
const targets = {
  gitops: gitops.optional().describe("Files of a Git repository, which something else makes so"),
  kubernetes: kubernetes.optional().describe("Workloads of a Kubernetes cluster"),
  compose: compose.optional().describe("Services of a Docker Compose file"),
  command: command.optional().describe("A program of your own"),
  webhook: webhook.optional().describe("A system that takes a signed request"),
  tag: tag.optional().describe("A tag in another repository or registry, where something else looks"),
};

const deployment = z.strictObject({ ...place, ...targets }).superRefine((value, context) => {
  const asked = value.gitops?.pullRequest;
  if (asked !== undefined && (asked.api === undefined || asked.repository === undefined)) {
    const address = addressOfForge(asked.provider, value.gitops?.url ?? "");
    if (address === undefined)
      context.addIssue({
        code: "custom",
        path: ["gitops", "pullRequest"],
        message: "`url:` names no repository of a forge: say `api:` and `repository:` here",
      });
  }
  const named = Object.keys(targets).filter((key) => value[key as keyof typeof targets] !== undefined);
  if (value.compose !== undefined && value.images !== undefined)
    context.addIssue({ code: "custom", path: ["images"], message: "`services:` says which images it runs" });
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
export type ComposeConfig = z.output<typeof compose>;
export type KubernetesConfig = z.output<typeof kubernetes>;
export type GitopsConfig = z.output<typeof gitops>;
export type TagConfig = z.output<typeof tag>;
export type WebhookConfig = z.output<typeof webhook>;
export type CommandConfig = z.output<typeof command>;
