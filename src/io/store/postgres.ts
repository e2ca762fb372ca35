import { userInfo } from "node:os";
import { Pool, types as pgTypes, type PoolClient, type QueryResult } from "pg";
import type { Logger } from "../../lib/index.ts";
import { StoreError } from "./error.ts";
import { listenPostgres } from "./postgres-listen.ts";
import { sqlError } from "./sql-error.ts";
import type { SqlConnection, SqlEngine, SqlResult } from "./sql-engine.ts";

/** Object ids of the types that are read in our own way. */
const oids = { int8: 20, timestamptz: 1184 };

const ours = {
  getTypeParser: (oid: number, format?: "text" | "binary") => {
    if (oid === oids.timestamptz) return (text: string) => Date.parse(text);
    if (oid === oids.int8) return Number;
    return pgTypes.getTypeParser(oid, format) as (text: string) => unknown;
  },
};

/** Milliseconds between attempts to get a session: a server that restarts is back within them. */
const backoffMs = [50, 100, 200, 400, 800, 1600, 3200];

/** PostgreSQL 15 or newer at `url`. A session is asked for again while the server restarts; statements are bounded by `statementMs`. */
export function openPostgres(url: string, options: { readonly statementMs: number; readonly log: Logger }): SqlEngine {
  const pool = new Pool({
    connectionString: withUser(url),
    max: 10,
    application_name: "tidemill",
    connectionTimeoutMillis: 5_000,
    statement_timeout: options.statementMs,
    // A half-open connection answers nothing at all: the server's own bound would never be heard.
    query_timeout: options.statementMs + 2_000,
    idle_in_transaction_session_timeout: options.statementMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    types: ours,
  });
  pool.on("error", (error) => options.log.warn({ err: error }, "an idle connection to the database was lost"));
  const clients = new WeakMap<SqlConnection, { client: PoolClient; broken: boolean }>();
  // Without a listener an error of a session that is held would end the process; its next statement reports it.
  const ignore = (): void => undefined;

  const acquire = async (): Promise<SqlConnection> => {
    const client = await connect(pool);
    client.on("error", ignore);
    const held = { client, broken: false };
    const connection: SqlConnection = {
      query: (text, values, plain) => run(held, text, values ?? [], plain ?? false),
      script: (text, plain) => run(held, text, undefined, plain ?? false),
    };
    clients.set(connection, held);
    return connection;
  };

  return {
    kind: "postgres",
    acquire,
    release: (connection, broken) => {
      const held = clients.get(connection);
      clients.delete(connection);
      held?.client.removeListener("error", ignore);
      held?.client.release(broken === true || held.broken);
      return Promise.resolve();
    },
    listen: (channel, onMessage, onConnected) =>
      listenPostgres({ url: withUser(url), channel, log: options.log, onMessage, onConnected }),
    close: () => pool.end(),
  };
}

/** As libpq does: without a name in the URL or the environment it is the name of who runs this. */
function withUser(url: string): string {
  const query = new URL(url).searchParams;
  if (/^[a-z]+:\/\/[^/?#]*@/.test(url) || query.has("user") || process.env.PGUSER !== undefined) return url;
  return `${url}${url.includes("?") ? "&" : "?"}user=${encodeURIComponent(userInfo().username)}`;
}

async function run(
  held: { client: PoolClient; broken: boolean },
  text: string,
  values: readonly unknown[] | undefined,
  plain: boolean,
): Promise<SqlResult> {
  try {
    const result = await held.client.query({
      text,
      ...(values === undefined ? {} : { values: [...values] }),
      ...(plain ? { types: pgTypes } : {}),
    });
    // A script answers with one result a statement.
    if (Array.isArray(result)) {
      const rows = (result as QueryResult[]).flatMap((one) => one.rows as Record<string, unknown>[]);
      return { rows, affected: 0 };
    }
    return { rows: result.rows as Record<string, unknown>[], affected: result.rowCount ?? 0 };
  } catch (error) {
    const wrapped = wrap(error);
    if (wrapped.code === "UNAVAILABLE" || wrapped.code === "TIMEOUT") held.broken = true;
    throw wrapped;
  }
}

async function connect(pool: Pool): Promise<PoolClient> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await pool.connect();
    } catch (error) {
      const wrapped = wrap(error);
      const pause = backoffMs[attempt];
      if (wrapped.code !== "UNAVAILABLE" || pause === undefined || pool.ending) throw wrapped;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}

function wrap(error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const { message, code, detail } = error as { message?: string; code?: string; detail?: string };
  return sqlError({ message: message ?? String(error), code, detail }, error);
}
