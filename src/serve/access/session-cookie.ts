import { randomBytes } from "node:crypto";
import { isSameSecret, sha256, type Digest } from "../../lib/index.ts";

/** `__Host-` has browsers take it from this host alone, over TLS (or on their own machine), for all paths. RFC 6265bis, 4.1.3.2. */
export const cookieNames = { session: "__Host-tidemill", login: "__Host-tidemill-login" } as const;
type CookieName = keyof typeof cookieNames;

/** In which a page of ours sends what csrfOf gives. */
export const csrfHeader = "x-tidemill-csrf";

/** 256 random bits, as a cookie holds them. */
export function mintSecret(): string {
  return randomBytes(32).toString("base64url");
}

/** What a browser sends by a name; undefined where it sends none that could be ours, or two. */
export function readCookie(header: string | undefined, name: CookieName): string | undefined {
  const found = (header ?? "")
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${cookieNames[name]}=`));
  const value = found[0]?.slice(cookieNames[name].length + 1);
  return found.length === 1 && value !== undefined && /^[A-Za-z0-9_-]{43}$/.test(value) ? value : undefined;
}

/** Whether a browser sends something by that name, ours or not. */
export function hasCookie(header: string | undefined, name: CookieName): boolean {
  return (header ?? "").split(";").some((pair) => pair.trim().startsWith(`${cookieNames[name]}=`));
}

/** A Set-Cookie header; without a value it takes the cookie away. */
export function formatCookie(name: CookieName, value: string | undefined, maxAgeMs = 0): string {
  const age = value === undefined ? 0 : Math.floor(maxAgeMs / 1000);
  return `${cookieNames[name]}=${value ?? ""}; Path=/; Max-Age=${age}; HttpOnly; Secure; SameSite=Lax`;
}

/** What the state keeps of a secret. */
export function hashOf(secret: string): Digest {
  return sha256(secret);
}

/** What our own pages send along with a write: nobody can tell it who does not have the cookie, and no script can read that. */
export function csrfOf(secret: string): string {
  return sha256(`csrf ${secret}`).slice("sha256:".length);
}

/** Whether a write comes from our own page, of the session whose cookie it brings. */
export function isOwnWrite(
  headers: { readonly origin?: string | undefined; readonly "sec-fetch-site"?: string | string[] | undefined },
  secret: string,
  csrf: string | undefined,
): boolean {
  const saysWhence = headers.origin !== undefined || headers["sec-fetch-site"] === "same-origin";
  return saysWhence && csrf !== undefined && isSameSecret(csrf, csrfOf(secret));
}
