import type { Store, TokenRow } from "../../io/store/index.ts";
import type { Clock } from "../../lib/index.ts";
import { formatInstant, OperationError, role, type OperationHandlers, type TokenView } from "../../operation/index.ts";
import { mintToken } from "../access/api-token.ts";

type Handlers = Pick<OperationHandlers, "tokenCreate" | "tokenList" | "tokenRevoke">;

export interface TokensDeps {
  readonly store: Pick<Store, "saveToken" | "saveTokenRevoked" | "loadTokens">;
  readonly clock: Clock;
}

const longestMs = 366 * 86_400_000;

/** API tokens: made, listed, revoked. Throws BAD_INPUT for an end that has passed or lies too far, BUSY where a token of that name stands, NOT_FOUND where there is none to revoke. */
export function createTokens({ store, clock }: TokensDeps): Handlers {
  return {
    tokenCreate: async ({ by, expiresAt, person, ...said }) => {
      const end = Date.parse(expiresAt);
      const ahead = end - clock.now();
      if (ahead <= 0 || ahead > longestMs)
        throw new OperationError("BAD_INPUT", `token: ${expiresAt} is not within the next 366 days`, {
          hint: "Tokens end. Make a new one when this one does.",
        });
      const { id, hash, text } = mintToken();
      const row = await store.saveToken({ ...said, id, hash, person: person ?? null, expiresAt: end, who: by });
      if (row === undefined)
        throw new OperationError("BUSY", `there is a token ${said.name} already`, {
          hint: "Revoke it first, or choose another name.",
        });
      return { token: describe(row, clock.now()), secret: text };
    },
    tokenList: async () => ({ tokens: (await store.loadTokens()).map((row) => describe(row, clock.now())) }),
    tokenRevoke: async ({ token, by, reason }) => {
      const row = await store.saveTokenRevoked(token, { who: by, reason });
      if (row !== undefined) return { token: describe(row, clock.now()) };
      throw new OperationError("NOT_FOUND", `no token "${token}" stands`, {
        hint: "`tidemill token list` names them.",
      });
    },
  };
}

function describe(row: TokenRow, now: number): TokenView {
  const { id, name, person, roles, labels, createdAt, createdBy, expiresAt, lastUsedAt, revokedAt } = row;
  const ended = revokedAt !== null ? "revoked" : expiresAt <= now ? "expired" : "active";
  return {
    id,
    name,
    person,
    roles: roles.flatMap((each) => role.safeParse(each).data ?? []),
    labels: [...labels],
    createdAt: formatInstant(createdAt),
    createdBy,
    expiresAt: formatInstant(expiresAt),
    lastUsedAt: lastUsedAt === null ? null : formatInstant(lastUsedAt),
    state: ended,
  };
}
