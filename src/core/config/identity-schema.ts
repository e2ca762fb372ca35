import { z } from "zod";
import { claimNames, checkIdentityRule, type SignerIdentity } from "../signature/index.ts";
import { moment, text, textRule as rule } from "./values.ts";

const count = z.number().int().min(1).max(10);

const fields = {
  issuer: rule.describe("Who vouches for the identity: address of an OpenID issuer, or `{ pattern: … }`"),
  subject: rule.describe("E-mail address, URI or name of a user, whole, or `{ pattern: … }`"),
  subjectKind: z.enum(["email", "uri", "username"]).optional().describe("What kind of name it has to be"),
  claims: z
    .partialRecord(z.enum(claimNames), rule)
    .optional()
    .describe("What else the certificate has to say: `sourceRepository`, `sourceRef`, …"),
  from: moment.optional().describe("What was signed before does not count"),
  until: moment.optional().describe("What was signed at that time or after does not count"),
};

/** Where its trust comes from, and how many have to vouch. */
export const trustFields = {
  trustedRoot: text.describe("Path of Sigstore's trusted_root.json, or of that of one's own Sigstore"),
  thresholds: z
    .strictObject({
      logs: count.optional().describe("Logs of signatures that have the entry"),
      certificateLogs: count.optional().describe("Logs of certificates that have the certificate"),
      timestamps: count.optional().describe("Moments of signing that logs or timestamp authorities vouch for"),
    })
    .optional()
    .describe("How many have to vouch; without a number one, of what the trusted root names"),
};

/** Whom a certificate has to be made out for, and whose certificates count. */
export const rootedIdentity = z.strictObject({ ...fields, ...trustFields }).check(usable);

function usable({ value, issues }: z.core.ParsePayload<SignerIdentity>): void {
  const message = checkIdentityRule(value);
  if (message !== undefined) issues.push({ code: "custom", message, input: value });
}
