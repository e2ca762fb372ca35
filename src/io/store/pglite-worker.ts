import { parentPort } from "node:worker_threads";
import { PGlite, types } from "@electric-sql/pglite";
import { messageOf } from "../../lib/index.ts";
import type { PgliteFailure, PgliteReply, PgliteRequest } from "./pglite-message.ts";

const parsers = {
  [types.TIMESTAMPTZ]: (text: string) => Date.parse(text),
  [types.INT8]: Number,
};
const plainParsers = { [types.INT8]: Number };

let database: PGlite | undefined;
const port = parentPort;

port?.on("message", (request: PgliteRequest) => {
  void answer(request).then((reply) => port.postMessage(reply));
});

async function answer(request: PgliteRequest): Promise<PgliteReply> {
  const { id } = request;
  try {
    if (request.kind === "open") {
      database = await PGlite.create(request.directory);
      return { id, rows: [], affected: 0 };
    }
    if (database === undefined) return { id, failure: failureOf(new Error("the database is not open")) };
    const read = { parsers: "plain" in request && request.plain ? plainParsers : parsers };
    if (request.kind === "query") {
      const { rows, affectedRows } = await database.query<Record<string, unknown>>(
        request.text,
        [...request.values],
        read,
      );
      return { id, rows, affected: affectedRows ?? 0 };
    }
    if (request.kind === "script") {
      const results = await database.exec(request.text, read);
      return { id, rows: results.flatMap((one) => one.rows), affected: 0 };
    }
    if (request.kind === "close") {
      await database.close();
      database = undefined;
    }
    return { id, rows: [], affected: 0 };
  } catch (error) {
    return { id, failure: failureOf(error) };
  }
}

function failureOf(error: unknown): PgliteFailure {
  const { code, detail } = error as { code?: unknown; detail?: unknown };
  return {
    message: messageOf(error),
    code: typeof code === "string" ? code : undefined,
    detail: typeof detail === "string" ? detail : undefined,
  };
}
