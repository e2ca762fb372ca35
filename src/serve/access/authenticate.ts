import type { IncomingMessage } from "node:http";
import type { Store } from "../../io/store/index.ts";
import { isSameSecret, type Clock } from "../../lib/index.ts";
import { role, type Principal } from "../../operation/index.ts";
import { ServeError } from "../error.ts";
import { parseToken } from "./api-token.ts";
import type { FindWorkload } from "./find-workload.ts";

export interface AuthenticateOptions {
  /** The random token of the lock file. */
  readonly localToken: string;
  /** Where API tokens are; without it only the lock file's counts. */
  readonly tokens?: Pick<Store, "loadToken" | "saveTokenUsed">;
  readonly clock?: Clock;
  /** Who brings a token of another issuer. */
  readonly findWorkload?: FindWorkload;
}

/** Whoever can read the lock file has the state itself in hand. */
export const localPrincipal: Principal = {
  name: "local",
  kind: "local",
  credential: null,
  roles: ["admin"],
  labels: [],
};

const hint = "Send `Authorization: Bearer TOKEN`: one of `tidemill token create`, or the one in the lock file.";

/** Who a request comes from; undefined where it brings no credential. Throws UNAUTHORIZED where it brings one that does not count, ISSUER_UNAVAILABLE where that cannot be told: nobody is taken for less than they claim to be. */
export async function authenticate(
  headers: Pick<IncomingMessage["headers"], "authorization">,
  options: AuthenticateOptions,
): Promise<Principal | undefined> {
  const { authorization } = headers;
  if (authorization === undefined) return undefined;
  const given = /^Bearer ([^\s]{1,8192})$/i.exec(authorization)?.[1];
  if (given === undefined)
    throw new ServeError("UNAUTHORIZED", "the Authorization header is no bearer token", { hint });
  if (options.localToken !== "" && isSameSecret(given, options.localToken)) return localPrincipal;
  const principal = (await findToken(given, options)) ?? (await options.findWorkload?.(given));
  if (principal === undefined) throw new ServeError("UNAUTHORIZED", "the token is wrong, expired or revoked", { hint });
  return principal;
}

async function findToken(given: string, options: AuthenticateOptions): Promise<Principal | undefined> {
  const { tokens, clock } = options;
  const sent = parseToken(given);
  if (tokens === undefined || clock === undefined || sent === undefined) return undefined;
  const row = await tokens.loadToken(sent.id);
  if (row === undefined || !isSameSecret(row.hash, sent.hash)) return undefined;
  if (row.revokedAt !== null || row.expiresAt <= clock.now()) return undefined;
  await tokens.saveTokenUsed(row);
  return {
    name: row.person ?? `token:${row.name}`,
    kind: "token",
    credential: row.id,
    // A role that this version does not know is none.
    roles: row.roles.flatMap((each) => role.safeParse(each).data ?? []),
    labels: row.labels,
  };
}
