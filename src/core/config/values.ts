import { z } from "zod";
import { webhookKey } from "../../lib/index.ts";

/** What is declared is called by; images, environments, upstreams, checks. */
export const name = z.string().regex(
  // Every object has a `constructor`: as a name it would be found where nothing is.
  /^(?!constructor$)[a-z0-9](?:[a-z0-9._-]{0,98}[a-z0-9])?$/,
  "lower-case letters, digits, `.`, `_` and `-`, at most 100 characters",
);

export const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;

/** A span of time: `30s`, `15m`, `2h`, `3d`. Read as milliseconds. */
export const duration = z
  .string()
  .regex(/^\d{1,6}(?:ms|s|m|h|d|w)$/, "a span of time: `30s`, `15m`, `2h`, `3d`")
  .transform((value) => {
    const [, digits = "0", unit = "s"] = /^(\d+)([a-z]+)$/.exec(value) ?? [];
    return Number(digits) * (units[unit as keyof typeof units] ?? 1000);
  });

/** Read as milliseconds since 1970. */
export const moment = z
  .union([z.iso.date(), z.iso.datetime({ offset: true })], {
    error: "a date in UTC or a moment: `2026-12-20`, `2026-12-20T18:00:00+01:00`",
  })
  .transform((value) => Date.parse(value));

export const text = z.string().max(4096);

/** Of something that others say. */
export const textRule = z.union(
  [z.string().min(1).max(2000), z.strictObject({ pattern: z.string().min(1).max(256) })],
  { error: "a text that it has to be, whole, or `{ pattern: … }` that has to match all of it" },
);

export const absolutePath = z
  .string()
  .max(1024)
  .regex(/^\/[^\0]*$/, "an absolute path in the image");

/** Who a file belongs to, by numbers. */
export const owner = z.string().regex(/^\d{1,9}:\d{1,9}$/, "numbers, as `1000:1000`");

export const sizes = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 } as const;
/** A size: `512MiB`, `2GiB`. Read as bytes. */
export const size = z
  .string()
  .regex(/^\d{1,6}(?:KiB|MiB|GiB)$/, "a size: `512MiB`, `2GiB`")
  .transform((value) => {
    const [, digits = "0", unit = "MiB"] = /^(\d+)([A-Za-z]+)$/.exec(value) ?? [];
    return Number(digits) * sizes[unit as keyof typeof sizes];
  });

export const variable = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "the name of a variable");

/** Of a request. */
export const headers = z.record(
  z
    .string()
    .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, "the name of a header")
    .max(200),
  z
    .string()
    .max(4096)
    .regex(/^[^\r\n\0]*$/, "one line"),
);

/** Of a system that is asked by HTTP; `{image}` may stand for an image's name. */
export const httpAddress = z
  .string()
  .max(2000)
  .regex(/^https?:\/\/\S+$/, "an address: `https://deploy.example/hook`")
  .refine((url) => URL.canParse(url.replaceAll("{image}", "image")), { error: "not an address" });

/** Of what gets a token, or lies behind it: over TLS, or on this machine. */
export const secureAddress = z
  .string()
  .max(2000)
  .regex(
    /^(?:https:\/\/|http:\/\/(?:127\.\d+\.\d+\.\d+|localhost|\[::1\])(?=[:/]|$))[^\s?#@]*[^\s?#@/]$/,
    "an https address without credentials and without a slash at its end: `https://git.example/api/v4`",
  )
  .refine((url) => URL.canParse(url), { error: "not an address" });

/** What signs requests, as Standard Webhooks has it. */
export const signingSecret = z
  .string()
  .max(500)
  .refine((secret) => webhookKey(secret) !== undefined, {
    error: "at least 16 characters, or `whsec_` and the base64 of at least 16 bytes",
  })
  .describe("Signs each request; may name a variable: `${DEPLOY_SECRET}`");

/** A registry with what may stand before a repository in it. */
export const registryName = z
  .string()
  .max(300)
  .regex(/^[a-z0-9.-]+(?::\d{1,5})?(?:\/[a-z0-9._/-]+)?$/, "host[:port][/path]");

export const kubernetesName = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/, "a name of Kubernetes: `web`");

/** How a Kubernetes cluster is reached. */
export const clusterAccess = {
  kubeconfig: z
    .string()
    .min(1)
    .max(4096)
    .optional()
    .describe("File, relative to this configuration; the service account of the pod without it"),
  context: z.string().min(1).max(500).optional().describe("Of the kubeconfig; its current one without it"),
};
