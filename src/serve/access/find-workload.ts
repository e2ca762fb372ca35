import { decodeJwt } from "jose";
import { describeWorkload, findRule, type Claims, type WorkloadRule } from "../../core/access/index.ts";
import { createIssuer, OidcError, type Issuer } from "../../io/oidc/index.ts";
import type { Clock } from "../../lib/index.ts";
import type { Principal } from "../../operation/index.ts";
import { ServeError } from "../error.ts";

/** Who brings a token of an issuer that is believed; undefined where it is no such token. Throws UNAUTHORIZED, ISSUER_UNAVAILABLE. */
export type FindWorkload = (token: string) => Promise<Principal | undefined>;

/** Whether a text has the form of a signed token. RFC 7515, 7.1. */
const form = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

/** Finds workloads by `rules`: of those for the token's issuer and audience the first whose claims fit says what it may do. */
export function createFindWorkload(rules: readonly WorkloadRule[], clock: Clock): FindWorkload {
  const issuers = new Map<string, Issuer>();
  for (const { issuer } of rules) if (!issuers.has(issuer)) issuers.set(issuer, createIssuer(issuer, clock));
  return async (token) => {
    if (!form.test(token)) return undefined;
    const said = readClaims(token);
    const issuer = typeof said?.["iss"] === "string" ? issuers.get(said["iss"]) : undefined;
    if (said === undefined || issuer === undefined) return undefined;
    const ofIssuer = rules.filter((rule) => rule.issuer === said["iss"]);
    const audience = [said["aud"]].flat()[0];
    const asked = ofIssuer.find((rule) => rule.audience === audience) ?? ofIssuer[0];
    if (asked === undefined) return undefined;
    // From here on only what is signed counts.
    const claims = await verify(issuer, token, asked.audience);
    const rule = findRule(
      ofIssuer.filter((each) => each.audience === asked.audience),
      claims,
    );
    const { name, run } = describeWorkload(asked.issuer, claims);
    if (rule === undefined)
      throw new ServeError("UNAUTHORIZED", `no rule of this server lets ${name} in`, {
        hint: "An admin adds one to `server.workloads`: each of its claims has to be as the token has it.",
      });
    return {
      name,
      kind: "workload",
      credential: `${asked.issuer}#${String(claims["sub"])}`.slice(0, 1000),
      roles: rule.roles,
      labels: rule.labels,
      ...(run === undefined ? {} : { run }),
    };
  };
}

async function verify(issuer: Issuer, token: string, audience: string): Promise<Claims> {
  try {
    return await issuer.verify(token, audience);
  } catch (error) {
    if (!(error instanceof OidcError) || error.code !== "BAD_TOKEN") throw error;
    throw new ServeError("UNAUTHORIZED", error.message, {
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      cause: error,
    });
  }
}

/** What a token says of itself, believed by nobody yet. */
function readClaims(token: string): Claims | undefined {
  try {
    return decodeJwt(token);
  } catch {
    return undefined;
  }
}
