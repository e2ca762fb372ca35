import { Agent, request } from "node:http";

/** What became of the requests of a load. */
export interface Load {
  /** Ends it, and says how many were answered by what, and how many were not. */
  readonly end: () => Promise<{ readonly answers: ReadonlyMap<string, number>; readonly failures: readonly string[] }>;
}

/** Asks `url` over and over on as many connections, each kept alive, and counts every answer that is not a 200. */
export function startLoad(url: string, connections = 8): Load {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const answers = new Map<string, number>();
  const failures: string[] = [];
  const over = new AbortController();
  const ask = (): Promise<void> =>
    new Promise((resolve) => {
      const asked = request(url, { agent, timeout: 10_000 }, (response) => {
        let body = "";
        response.on("data", (piece: Buffer) => (body += piece.toString("utf8")));
        response.once("error", (error) => {
          failures.push(error.message);
          resolve();
        });
        response.once("end", () => {
          if (response.statusCode === 200) answers.set(body, (answers.get(body) ?? 0) + 1);
          else failures.push(`${response.statusCode}`);
          resolve();
        });
      });
      asked.once("timeout", () => asked.destroy(new Error("no answer within 10 s")));
      asked.once("error", (error) => {
        failures.push(error.message);
        resolve();
      });
      asked.end();
    });
  const worker = async (): Promise<void> => {
    while (!over.signal.aborted) await ask();
  };
  const workers = Array.from({ length: connections }, worker);
  return {
    end: async () => {
      over.abort();
      await Promise.all(workers);
      agent.destroy();
      return { answers, failures };
    },
  };
}
