import { z } from "zod";
import { evidenceDemand } from "./evidence-schema.ts";
import { gates } from "./gates-schema.ts";
import { duration, headers, moment, name, units } from "./values.ts";

const zone = z
  .string()
  .max(100)
  .refine(isZone, { error: "a time zone: `Europe/Berlin`, `America/New_York`, `UTC`" })
  .default("UTC");

const dayNames = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;

export const window = z.strictObject({
  days: z
    .array(z.enum(dayNames))
    .min(1)
    .max(7)
    .default([...dayNames])
    .describe("Days on which it opens"),
  from: z.string().regex(/^(?:[01]\d|2[0-3]):[0-5]\d$/, "a time of day: `09:00`"),
  to: z
    .string()
    .regex(/^(?:(?:[01]\d|2[0-3]):[0-5]\d|24:00)$/, "a time of day: `17:00`, `24:00`")
    .describe("Where it is not later than `from`, on the next day"),
  zone,
});

const freeze = z
  .strictObject({
    from: moment,
    until: moment.describe("A date: its beginning"),
    reason: z.string().min(1).max(1000),
    urgent: z.boolean().default(false).describe("Whether the urgent lane may move all the same"),
  })
  .refine(({ from, until }) => from < until, { path: ["until"], error: "it ends before it begins" });

const person = z.string().min(1).max(200);
const approvals = z
  .strictObject({
    count: z.number().int().min(1).max(20).describe("How many people have to approve a digest"),
    from: z.array(person).min(1).max(1000).optional().describe("Whose word counts; anybody's without it"),
  })
  .refine(({ count, from }) => from === undefined || new Set(from).size >= count, {
    path: ["from"],
    error: "it names fewer people than have to approve",
  });

const failures = z
  .union(
    [
      z
        .number()
        .int()
        .min(1)
        .max(100)
        .transform((count) => ({ count, of: count })),
      z
        .strictObject({ count: z.number().int().min(1).max(100), of: z.number().int().min(1).max(1000) })
        .refine(({ count, of }) => count <= of, { path: ["of"], error: "it is fewer than `count`" }),
    ],
    { error: "a number of failures in a row, or `{ count: 3, of: 10 }`" },
  )
  .prefault(3)
  .describe("That count as unhealthy: so many in a row, or so many of the last ones");

const question = {
  name: name.describe("For reports"),
  images: z.array(name).min(1).max(1000).optional().describe("Whose service it asks; of every image without it"),
  every: duration.default(10 * units.s).describe("Between two questions"),
  timeout: duration.default(5 * units.s).describe("After which no answer is a failure"),
  failures,
  after: z
    .enum(["none", "alarm", "rollback"])
    .default("none")
    .describe("Whether it goes on after the soak, and what an unhealthy service then brings"),
};

const probe = z
  .union(
    [
      z.strictObject({
        ...question,
        http: z.strictObject({
          url: z
            .string()
            .max(2000)
            .regex(/^https?:\/\/\S+$/, "an address: `https://{image}.staging.example/healthz`")
            .refine((url) => URL.canParse(url.replaceAll("{image}", "image")), { error: "not an address" })
            .describe("`{image}` stands for the image's name"),
          method: z.enum(["GET", "HEAD", "POST"]).default("GET"),
          headers: headers.default({}),
          status: z.array(z.number().int().min(100).max(599)).min(1).max(100).optional(),
          contains: z.string().min(1).max(1000).optional(),
        }),
      }),
      z.strictObject({
        ...question,
        tcp: z
          .string()
          .max(300)
          .regex(/^(?:[A-Za-z0-9{}._-]+|\[[0-9A-Fa-f:.]+\]):\d{1,5}$/, "`host:port`"),
      }),
      z.strictObject({
        ...question,
        command: z
          .array(z.string().max(4096))
          .min(1)
          .max(100)
          .describe("Run where Tidemill runs; healthy where it ends with 0"),
      }),
    ],
    { error: "a probe has a `name` and one of `http`, `tcp`, `command`; `tidemill schema` says what else" },
  )
  .refine(({ every, timeout }) => every >= 50 && timeout >= 1, { error: "`every:` is at least 50ms" });

const reverify = z
  .union(
    [
      duration.transform((every) => ({ every, failed: "alarm" as const })),
      z.strictObject({
        every: duration,
        failed: z.enum(["alarm", "rollback"]).default("alarm").describe("What follows where it fails"),
      }),
    ],
    { error: "a span of time, or `{ every: 24h, failed: rollback }`" },
  )
  .optional()
  .describe("How often what runs here is verified again, and whenever advisories changed; never without it");

/** What an environment demands before it moves forward, and how what runs there is watched. */
export const environmentRules = {
  soak: duration.default(0).describe("How long a digest stands here, its probes going on, before it goes further"),
  auto: z
    .union([z.boolean(), z.strictObject({ urgent: z.boolean(), routine: z.boolean() })], {
      error: "`true`, `false`, or by lane: `{ urgent: true, routine: false }`",
    })
    .default(true)
    .describe("Without it a person promotes: `tidemill promote`"),
  windows: z
    .array(window)
    .min(1)
    .max(50)
    .optional()
    .describe("When it may move forward; always without it. The urgent lane passes, and so does every way back"),
  freeze: z.array(freeze).max(100).default([]).describe("When it may not move forward, whatever its windows say"),
  trains: z
    .array(z.strictObject({ name, images: z.array(name).min(2).max(1000) }))
    .max(100)
    .default([])
    .describe("Images that come here together or not at all"),
  approvals: approvals.optional().describe("Who has to approve a digest before it comes here: `tidemill approve`"),
  reverify,
  gates,
  probes: z.array(probe).max(100).default([]).describe("What is asked of the running service all through the soak"),
  requireProbes: z
    .union([z.boolean(), z.literal("warn")], { error: "`true`, `false` or `warn`" })
    .default(false)
    .describe("Whether an image without a probe is kept out, or warned of"),
  requireEvidence: evidenceDemand
    .optional()
    .describe("Without what evidence, verified, nothing comes here; what `evidence.require` says without it"),
};

export type ProbeConfig = z.output<typeof probe>;

function isZone(value: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: value }).format(0) !== "";
  } catch {
    return false;
  }
}
