import { z } from "zod";
import { checkTextRule, imageLabel, openIssuers, role } from "../access/index.ts";
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
const claim = z.preprocess((value) => (Number.isSafeInteger(value) ? String(value) : value), textRule);

const workload = z
  .strictObject({
    issuer: issuerAddress.describe("Who makes the tokens out; its keys are found by discovery"),
    audience: z
      .string()
      .min(1)
      .max(500)
      .describe("For whom they have to be made out: the address of this server, best"),
    claims: z
      .record(z.string().min(1).max(200), claim)
      .refine((claims) => Object.keys(claims).length > 0, "name at least one: else whoever the issuer knows is let in")
      .refine((claims) => Object.keys(claims).length <= 20, "at most 20")
      .describe("What they have to say, all of it: `repository_id`, `ref`, `environment`, `project_id`, `sub`, …"),
    roles: z.array(role).min(1).max(4),
    labels: z.array(imageLabel).max(50).default([]).describe("Images that bear one of them; all without any"),
  })
  .superRefine(({ issuer, claims }, context) => {
    for (const [name, rule] of Object.entries(claims)) {
      const message = checkTextRule(rule);
      if (message !== undefined) context.addIssue({ code: "custom", path: ["claims", name], message });
    }
    const open = openIssuers.get(issuer.replace(/\/$/, ""));
    if (open === undefined || open.owners.some((name) => typeof claims[name] === "string")) return;
    const message = `this issuer makes tokens out for anybody: say whose counts by one of ${open.owners.join(", ")}, as a whole text`;
    context.addIssue({ code: "custom", path: ["claims"], message });
  });

/** `server.workloads`: jobs that prove themselves by a token of their own issuer. */
export const workloads = z
  .array(workload)
  .max(100)
  .default([])
  .describe("Jobs that are let in by an OpenID token of their issuer; of several rules the first that fits counts");
