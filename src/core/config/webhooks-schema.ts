import { z } from "zod";
import { jsonPathProblem } from "../events/index.ts";
import { name } from "./values.ts";

const secret = z
  .string()
  .max(500)
  .refine((text) => text.length >= 16, { error: "at least 16 characters" });
const secrets = z
  .union([secret, z.array(secret).min(1).max(3)], { error: "a secret of 16 to 500 characters, or up to three" })
  .transform((one) => (typeof one === "string" ? [one] : one))
  .describe("What the sender knows; may name a variable: `${GITHUB_WEBHOOK_SECRET}`. Several while one is replaced");

const jsonPath = z
  .string()
  .min(1)
  .max(500)
  .superRefine((path, ctx) => {
    const problem = jsonPathProblem(path);
    if (problem !== undefined) ctx.addIssue({ code: "custom", message: `no JSONPath as RFC 9535 has it: ${problem}` });
  });

const known = z.strictObject({
  from: z
    .enum(["github", "gitlab", "gitea", "docker-hub", "quay", "harbor", "distribution", "cloudevents"])
    .describe("Who sends; each proves itself in its own way"),
  secret: secrets,
});

const generic = z.strictObject({
  from: z.literal("generic").describe("Any sender of JSON"),
  secret: secrets,
  signature: z
    .strictObject({
      header: z
        .string()
        .regex(/^[A-Za-z0-9-]{1,100}$/, "the name of a header")
        .describe("Holds the HMAC of the body"),
      algorithm: z.enum(["sha256", "sha512"]).default("sha256"),
      encoding: z.enum(["hex", "base64"]).default("hex"),
      prefix: z.string().max(50).default("").describe("What stands before it: `sha256=`"),
    })
    .optional()
    .describe("Without it Standard Webhooks, or the secret as `Authorization: Bearer …`"),
  id: jsonPath.optional().describe("JSONPath of what no two events share: a copy is known by it"),
  looks: z
    .strictObject({
      image: jsonPath.optional().describe("JSONPath of images; without it `image` and `images`"),
      repository: jsonPath.optional().describe("JSONPath of a Git repository's address; without it `repository`"),
      ref: jsonPath.optional().describe("JSONPath of the branch or tag; without it `ref`"),
      advisories: z.boolean().default(false).describe("The feeds are looked at, whatever it says"),
      packages: z.boolean().default(false).describe("The suites are looked at, whatever it says"),
    })
    .optional()
    .describe("Where in the body what matters stands (RFC 9535, without `match` and `search`)"),
});

/** Where others tell of what happened: `POST /hooks/NAME`. */
export const webhooks = z
  .record(name, z.discriminatedUnion("from", [known, generic]))
  .default({})
  .describe("Events that make the next look come sooner: each name is an address, `POST /hooks/NAME`");

export type WebhookEndpoint = z.output<typeof webhooks>[string];
