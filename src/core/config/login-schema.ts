import { z } from "zod";
import { accessRule, issuerAddress } from "./access-rule-schema.ts";
import { duration, text, units } from "./values.ts";

/** An address without a path. What logs in there gets a cookie that browsers send over TLS and to their own machine alone. */
const origin = z
  .string()
  .max(300)
  .refine(
    (value) =>
      URL.canParse(value) &&
      new URL(value).origin === value &&
      (value.startsWith("https://") || /^http:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/.test(value)),
    "where people reach this server, without a path: `https://tidemill.example.com`",
  );

/** `server.login`: people log in at an OpenID provider. */
export const login = z
  .strictObject({
    issuer: issuerAddress.describe("The provider; all else is found by discovery"),
    clientId: z.string().min(1).max(500),
    clientSecret: text
      .min(1)
      .optional()
      .describe(
        "May name a variable: `${TIDEMILL_LOGIN_SECRET}`; without it a public client, with PKCE like any other",
      ),
    url: origin.describe("Where people reach this server; the provider sends them to `/auth/callback` there"),
    scopes: z
      .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,200}$/, "a scope"))
      .max(20)
      .default(["email", "profile"])
      .describe("Beside `openid`"),
    name: z
      .string()
      .min(1)
      .max(200)
      .default("email")
      .describe("Claim by which the record calls a person: one that people cannot change themselves"),
    rules: z
      .array(z.strictObject(accessRule))
      .min(1)
      .max(100)
      .describe("What people may do by their claims; the first rule that fits counts, and who fits none is not let in"),
    idle: duration
      .default(2 * units.h)
      .refine((time) => time >= units.m, { error: "at least 1m" })
      .describe("A session that is not used for so long ends"),
    longest: duration
      .default(12 * units.h)
      .refine((time) => time >= units.m && time <= 30 * units.d, { error: "between 1m and 30d" })
      .describe("Any session ends after this"),
  })
  .optional()
  .describe("People log in at an OpenID provider");

export type LoginConfig = NonNullable<z.output<typeof login>>;
