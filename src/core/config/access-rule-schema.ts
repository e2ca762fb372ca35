import { z } from "zod";
import { checkTextRule, imageLabel, role, type TextRule } from "../access/index.ts";
import { textRule } from "./values.ts";

/** An issuer's tokens name it exactly so. OpenID Connect Discovery 1.0, 4. Plain HTTP on this machine alone: whoever answers for it says who everybody is. */
export const issuerAddress = z
  .string()
  .max(500)
  .refine(
    (value) =>
      URL.canParse(value) &&
      /^https:\/\/[^?#@\s]+$|^http:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?(?:\/[^?#\s]*)?$/.test(value),
    "the address of an OpenID issuer, as its tokens have it: `https://token.actions.githubusercontent.com`",
  );

/** Issuers write ids as text; a person may leave the quotes out. */
const claim = z.preprocess(
  (value) => (Number.isSafeInteger(value) ? String(value) : value),
  textRule.superRefine(usable),
);

/** What those may do of whom an issuer says this. */
export const accessRule = {
  claims: z
    .record(z.string().min(1).max(200), claim)
    .refine((claims) => Object.keys(claims).length > 0, "name at least one: else whoever the issuer knows is let in")
    .refine((claims) => Object.keys(claims).length <= 20, "at most 20")
    .describe("What it has to say, all of it; of a list one entry is enough"),
  roles: z.array(role).min(1).max(4),
  labels: z.array(imageLabel).max(50).default([]).describe("Images that bear one of them; all without any"),
};

function usable(rule: TextRule, context: z.RefinementCtx): void {
  const message = checkTextRule(rule);
  if (message !== undefined) context.addIssue({ code: "custom", message });
}
