import type { SessionRow, Store } from "../../io/store/index.ts";
import {
  formatInstant,
  OperationError,
  role,
  type OperationHandlers,
  type SessionView,
} from "../../operation/index.ts";

type Handlers = Pick<OperationHandlers, "sessionList" | "sessionRevoke">;

export interface SessionsDeps {
  readonly store: Pick<Store, "loadSessions" | "saveSessionsEnded">;
}

/** Sessions of people who logged in: listed, ended. Throws NOT_FOUND where none is to be ended. */
export function createSessions({ store }: SessionsDeps): Handlers {
  return {
    sessionList: async () => ({ sessions: (await store.loadSessions()).map(describe) }),
    sessionRevoke: async ({ session, by, reason }) => {
      const rows = await store.saveSessionsEnded(session, { who: by, reason });
      if (rows.length > 0) return { sessions: rows.map(describe) };
      throw new OperationError("NOT_FOUND", `no session of "${session}" stands`, {
        hint: "`tidemill session list` names them.",
      });
    },
  };
}

function describe({ id, name, subject, roles, labels, createdAt, lastUsedAt, expiresAt }: SessionRow): SessionView {
  return {
    id,
    name,
    subject,
    roles: roles.flatMap((each) => role.safeParse(each).data ?? []),
    labels: [...labels],
    since: formatInstant(createdAt),
    lastUsedAt: formatInstant(lastUsedAt),
    expiresAt: formatInstant(expiresAt),
  };
}
