import type { Db } from "pg-boss";
import type { QueueEngine, QueueSession } from "./queue-engine.ts";

/** pg-boss on an engine of the store's: its statements take their turn with ours. */
export function bossDatabase(engine: QueueEngine): Db {
  return {
    executeSql: async (text, values = []) => {
      const session = await engine.acquire();
      try {
        // Values come with one statement; its scripts bring their own transaction.
        return await (values.length > 0 ? session.query(text, values, true) : session.script(text, true));
      } catch (error) {
        await leaveTransaction(session);
        throw withSqlState(error);
      } finally {
        await engine.release(session);
      }
    },
    ...(engine.listen === undefined ? {} : { listen: engine.listen }),
  };
}

/** A script that failed half-way leaves its transaction open, and the session is another's next. */
async function leaveTransaction(session: QueueSession): Promise<void> {
  await session.query("rollback").catch(() => undefined);
}

/** pg-boss looks for the SQLSTATE where the drivers have it. */
function withSqlState(error: unknown): unknown {
  if (!(error instanceof Error) || typeof error.cause !== "object" || error.cause === null) return error;
  const { code } = error.cause as { code?: unknown };
  return typeof code === "string" ? Object.assign(new Error(error.message, { cause: error }), { code }) : error;
}
