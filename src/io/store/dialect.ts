import {
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type Kysely,
  type QueryResult,
} from "kysely";
import { StoreError } from "./error.ts";
import type { SqlConnection, SqlEngine } from "./sql-engine.ts";

interface EngineConnection extends DatabaseConnection {
  readonly session: SqlConnection;
}

/** Kysely on an engine of ours: one SQL dialect, PostgreSQL's, whichever database stands below. */
export function engineDialect(engine: SqlEngine): Dialect {
  return {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => engineDriver(engine),
    createIntrospector: (db: Kysely<unknown>) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  };
}

function engineDriver(engine: SqlEngine): Driver {
  const run = async (connection: DatabaseConnection, text: string): Promise<void> => {
    await (connection as EngineConnection).session.query(text);
  };
  return {
    init: () => Promise.resolve(),
    acquireConnection: async () => kyselyConnection(await engine.acquire()),
    beginTransaction: (connection) => run(connection, "begin"),
    commitTransaction: (connection) => run(connection, "commit"),
    rollbackTransaction: (connection) => run(connection, "rollback"),
    releaseConnection: (connection) => engine.release((connection as EngineConnection).session),
    destroy: () => Promise.resolve(),
  };
}

function kyselyConnection(session: SqlConnection): EngineConnection {
  return {
    session,
    executeQuery: async <R>(query: CompiledQuery): Promise<QueryResult<R>> => {
      const { rows, affected } = await session.query(query.sql, query.parameters);
      return { rows: rows as R[], numAffectedRows: BigInt(affected) };
    },
    streamQuery: () => {
      throw new StoreError("QUERY", "results are not streamed: ask for pages");
    },
  };
}
