import { z } from "zod";
import { noticeEvents, placeholders, unknownPlaceholder } from "../notice/index.ts";
import { window } from "./environment-schema.ts";
import { duration, name } from "./values.ts";

const address = z.url({ protocol: /^https?$/ });
const secret = z.string().min(1).max(500).describe("May name a variable: `${TIDEMILL_WEBHOOK_SECRET}`");
const signed = { url: address, secret };

const template = (most: number) =>
  z
    .string()
    .min(1)
    .max(most)
    .refine((value) => unknownPlaceholder(value) === undefined, {
      error: ({ input }) =>
        `there is no {{${unknownPlaceholder(String(input)) ?? ""}}}: ${placeholders.map((one) => `{{${one}}}`).join(", ")}`,
    });

/** What and when a receiver is told. */
const wishes = {
  events: z.array(z.enum(noticeEvents)).min(1).max(noticeEvents.length).optional().describe("All of them without it"),
  labels: z
    .array(z.string().regex(/^[^=]+=.*$/, "`key=value`"))
    .min(1)
    .max(100)
    .optional()
    .describe("Only of images that bear one of them"),
  environments: z.array(name).min(1).max(100).optional().describe("Only what is about one of them"),
  urgentOnly: z
    .boolean()
    .default(false)
    .describe("Only what was taken back, stands in the way, is exploited, or is an alarm of severity error"),
  hours: z.array(window).max(20).default([]).describe("When it may be told; what is urgent comes at any time"),
};
/** For people. */
const people = {
  ...wishes,
  digest: duration
    .refine((ms) => ms >= 60_000 && ms <= 604_800_000, { error: "from a minute to a week" })
    .optional()
    .describe("What comes within this time is one message; what is urgent comes alone and at once"),
  template: z.strictObject({ title: template(500).optional(), text: template(4000).optional() }).optional(),
};

const mailbox = z.email().max(320);
const receiver = z.union(
  [
    z.strictObject({ ...wishes, webhook: z.strictObject(signed) }),
    z.strictObject({
      ...wishes,
      cloudevents: z.strictObject({ ...signed, mode: z.enum(["structured", "binary"]).default("structured") }),
    }),
    z.strictObject({ ...people, slack: z.strictObject({ url: address }) }),
    z.strictObject({ ...people, teams: z.strictObject({ url: address }) }),
    z.strictObject({
      ...people,
      email: z.strictObject({
        server: z
          .url({ protocol: /^smtps?$/ })
          .describe("`smtps://user:password@mail.example`, or `smtp://…`, which has to speak STARTTLS"),
        from: mailbox,
        to: z.array(mailbox).min(1).max(50),
        plainText: z.boolean().default(false).describe("Whether a server without TLS is spoken to"),
      }),
    }),
  ],
  {
    error:
      "a receiver has one of `webhook`, `cloudevents`, `slack`, `teams`, `email`, and what it is told: `events`, `labels`, `environments`, `urgentOnly`, `hours`; `tidemill schema` says what else",
  },
);

export const notifications = z
  .strictObject({
    webhook: z.strictObject(signed).optional().describe("One receiver of everything, called `webhook`"),
    receivers: z.record(name, receiver).default({}),
  })
  .refine(({ webhook, receivers }) => webhook === undefined || !Object.hasOwn(receivers, "webhook"), {
    path: ["receivers", "webhook"],
    error: "`webhook` is the name of the receiver above: give it another one",
  });

export type NotificationsConfig = z.output<typeof notifications>;
export type ReceiverConfig = z.output<typeof receiver>;
