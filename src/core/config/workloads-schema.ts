import { z } from "zod";
import { openIssuers } from "../access/index.ts";
import { accessRule, issuerAddress } from "./access-rule-schema.ts";

const workload = z
  .strictObject({
    issuer: issuerAddress.describe("Who makes the tokens out; its keys are found by discovery"),
    audience: z
      .string()
      .min(1)
      .max(500)
      .describe("For whom they have to be made out: the address of this server, best"),
    ...accessRule,
  })
  .superRefine(({ issuer, claims }, context) => {
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
