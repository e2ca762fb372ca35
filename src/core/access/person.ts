import { textOf, type Claims } from "./access-rule.ts";

/** Names by which the record calls what is no person. */
const taken = /^(?:local|loopback|tidemill|expired)$/i;

/**
 * What the record calls a person who logged in: the claim `from`, an address only where the issuer says that it was verified. Undefined where the claim is no name, or one that
 * could be taken for a token's, a job's or the server's own. OpenID Connect Core 1.0, 5.1.
 */
export function personNameOf(claims: Claims, from: string): string | undefined {
  if (from === "email" && textOf(claims, "email_verified") !== "true") return undefined;
  const name = textOf(claims, from)?.normalize("NFC");
  if (name === undefined || !/^[^\s:\p{C}](?:[^:\p{C}]{0,198}[^\s:\p{C}])?$/u.test(name) || taken.test(name))
    return undefined;
  return name;
}
