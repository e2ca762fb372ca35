import { z } from "zod";
import { trustFields } from "./identity-schema.ts";
import { duration, text, units, variable } from "./values.ts";

/** Tokens go there: in the clear to nobody but this machine. */
const service = z
  .string()
  .max(2000)
  .regex(
    /^(?:https:\/\/|http:\/\/(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?=[:/]|$))[^\s@]*$/,
    "an address by https, without a name of a user; by http only on this machine",
  );
const name = z.string().min(1).max(2000);

const token = z.union(
  [
    z.literal("ambient").describe("GitHub's where the job may ask for one, else GitLab's, else cosign's file"),
    z.literal("github").describe("Of the job in GitHub Actions, which needs `id-token: write`"),
    z.strictObject({ file: text.describe("Path of a file that somebody keeps fresh; relative to this configuration") }),
    z.strictObject({ variable: variable.describe("Variable of the environment: GitLab's `SIGSTORE_ID_TOKEN`") }),
    z.strictObject({
      command: z
        .array(text.min(1))
        .min(1)
        .max(100)
        .describe("What prints it; a path is relative to this configuration"),
      pass: z.array(variable).max(100).default([]).describe("Variables of the environment that it is told"),
      timeout: duration.default(30 * units.s),
    }),
  ],
  { error: "`ambient`, `github`, `{ file: … }`, `{ variable: … }` or `{ command: […] }`" },
);

/** Who signs without keys: a Sigstore, and who we are to it. */
export const keyless = z.strictObject({
  fulcio: service.describe("Address of the certificate authority"),
  rekor: service.describe("Address of the log: Rekor v2"),
  timestamp: service.describe(
    "Address of a timestamp authority (RFC 3161), with its path: the log vouches for no time",
  ),
  token: token.default("ambient").describe("Where the token comes from that says who we are"),
  audience: name.default("sigstore").describe("Whom the token has to be for"),
  issuer: name.describe("Who vouches for us, as the certificate says it"),
  subject: name.describe("Who we are, as the certificate says it: nothing is signed as anybody else"),
  ...trustFields,
});
