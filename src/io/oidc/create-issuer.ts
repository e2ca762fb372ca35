import { createLocalJWKSet, errors, jwtVerify, type JWTVerifyGetKey } from "jose";
import { messageOf, printable, type Clock } from "../../lib/index.ts";
import { fetchKeys } from "./discover.ts";
import { OidcError } from "./error.ts";

/** Somebody who says who others are. */
export interface Issuer {
  /** What a token says, once its signature, its times and whom it is for were looked at. Throws BAD_TOKEN, ISSUER_UNAVAILABLE. */
  verify(token: string, audience: string): Promise<Readonly<Record<string, unknown>>>;
}

/** Signatures by a key that only the issuer has: neither `none` nor a shared secret. RFC 7518, 3.1; RFC 8037; RFC 9864. */
const algorithms = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
];
/** Keys are asked for again after this; those at hand are used for as long as `usableMs` where the issuer is away. */
const freshMs = 600_000;
const usableMs = 86_400_000;
/** An issuer is not asked more often than this, whatever tokens come. */
const coolDownMs = 30_000;
const patienceMs = 5_000;
const toleranceSeconds = 30;
const longestSeconds = 86_400;

interface KeysAtHand {
  readonly find: JWTVerifyGetKey;
  readonly at: number;
}

/** An issuer by its address, as its tokens have it. Its keys are found when the first token comes. */
export function createIssuer(address: string, clock: Pick<Clock, "now">): Issuer {
  let atHand: KeysAtHand | undefined;
  let lastAsked = Number.NEGATIVE_INFINITY;
  let problem: OidcError | undefined;
  let asking: Promise<void> | undefined;

  /** Asks for the keys, if it was not just done; what goes wrong is kept in `problem`. */
  const renew = (): Promise<void> => {
    // A clock that was set back must not keep it from asking.
    if (Math.abs(clock.now() - lastAsked) < coolDownMs) return asking ?? Promise.resolve();
    lastAsked = clock.now();
    asking = fetchKeys(address, clock.now, AbortSignal.timeout(patienceMs))
      .then(({ keys }) => {
        atHand = { find: createLocalJWKSet({ keys }), at: clock.now() };
        problem = undefined;
      })
      .catch((error: unknown) => {
        problem =
          error instanceof OidcError
            ? error
            : new OidcError("ISSUER_UNAVAILABLE", `${address} does not answer`, { retry: true, cause: error });
      })
      .finally(() => (asking = undefined));
    return asking;
  };
  const age = (): number => (atHand === undefined ? Number.POSITIVE_INFINITY : Math.abs(clock.now() - atHand.at));
  const usable = (): KeysAtHand => {
    if (atHand !== undefined && age() < usableMs) return atHand;
    throw problem ?? new OidcError("ISSUER_UNAVAILABLE", `the keys of ${address} are not known yet`, { retry: true });
  };

  /** A key that is not among those at hand may be a new one. */
  const findKey: JWTVerifyGetKey = async (header, token) => {
    if (age() >= freshMs) await renew();
    const first = usable();
    try {
      return await first.find(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      await renew();
      const second = usable();
      if (second === first) throw error;
      return second.find(header, token);
    }
  };

  return {
    verify: async (token, audience) => {
      try {
        const { payload, protectedHeader } = await jwtVerify(token, findKey, {
          algorithms,
          issuer: address,
          audience,
          currentDate: new Date(clock.now()),
          clockTolerance: toleranceSeconds,
          maxTokenAge: longestSeconds,
          requiredClaims: ["exp", "iat", "sub"],
        });
        // One that is made out for others as well could be used here by them.
        if (Array.isArray(payload.aud) && payload.aud.length !== 1)
          throw new Error("it is made out for others as well");
        if (protectedHeader.typ !== undefined && !/^(?:application\/)?jwt$/i.test(protectedHeader.typ))
          throw new Error(`it is of the kind ${protectedHeader.typ}`);
        return payload;
      } catch (error) {
        if (error instanceof OidcError) throw error;
        throw new OidcError("BAD_TOKEN", `the token of ${address} does not count: ${printable(messageOf(error))}`, {
          hint: "It has to be fresh, signed by its issuer, and made out for this server alone.",
          cause: error,
        });
      }
    },
  };
}
