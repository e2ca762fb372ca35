/** Rows of one statement. */
export interface SqlResult {
  readonly rows: Record<string, unknown>[];
  /** Rows that an insert, update or delete touched. */
  readonly affected: number;
}

/** One session: what runs on it between `begin` and `commit` is a transaction. */
export interface SqlConnection {
  /** `plain`: values as the driver has them (Dates), for libraries that bring their own SQL; else moments are Instants and bigints numbers. */
  query(text: string, values?: readonly unknown[], plain?: boolean): Promise<SqlResult>;
  /** Several statements without values; answers with the rows of all of them. */
  script(text: string, plain?: boolean): Promise<SqlResult>;
}

/** What the two databases offer below Kysely. Every error that leaves it is a StoreError. */
export interface SqlEngine {
  readonly kind: "pglite" | "postgres";
  /** Resolves when a session is free. It must be given back; `broken` where it may be in a state that nobody knows. */
  acquire(): Promise<SqlConnection>;
  release(connection: SqlConnection, broken?: boolean): Promise<void>;
  /**
   * Hears what is sent with `notify` to a channel, on a session of its own that is made again when it is lost; `onConnected` is called each time it
   * hears again. Not there with PGlite, which nobody else can reach.
   */
  readonly listen?: (
    channel: string,
    onMessage: (payload: string) => void,
    onConnected: () => void,
  ) => Promise<{ readonly close: () => Promise<void> }>;
  close(): Promise<void>;
}

/** Runs `work` on a session of its own. */
export async function withConnection<T>(
  engine: SqlEngine,
  work: (connection: SqlConnection) => Promise<T>,
): Promise<T> {
  const connection = await engine.acquire();
  try {
    return await work(connection);
  } finally {
    await engine.release(connection);
  }
}

/** Runs `work` in a transaction of its own, which `begin` opens. */
export async function inTransaction<T>(
  engine: SqlEngine,
  begin: string,
  work: (session: SqlConnection) => Promise<T>,
): Promise<T> {
  return withConnection(engine, async (session) => {
    await session.query(begin);
    try {
      const result = await work(session);
      await session.query("commit");
      return result;
    } catch (error) {
      await session.query("rollback").catch(() => undefined);
      throw error;
    }
  });
}
