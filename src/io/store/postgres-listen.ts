import { Client } from "pg";
import type { Logger } from "../../lib/index.ts";

/** Milliseconds. A session that died without a word is noticed by the question that it does not answer. */
const beatMs = 10_000;
const answerMs = 5_000;
const backoffMs = [100, 500, 2_000, 5_000];

interface Listening {
  readonly url: string;
  readonly channel: string;
  readonly log: Logger;
  readonly onMessage: (payload: string) => void;
  /** It hears from now on; what was sent before is lost. */
  readonly onConnected: () => void;
}

/** Listens on a session of its own until it is closed; rejects where the first one cannot be had. */
export async function listenPostgres(listening: Listening): Promise<{ readonly close: () => Promise<void> }> {
  const { log } = listening;
  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  let client = await connect(listening, lost);

  function lost(failed: Client, error: Error): void {
    if (closed || failed !== client) return;
    log.warn({ err: error }, "the session that listens for wake-ups was lost");
    clearTimeout(timer);
    end(failed);
    again(0);
  }
  function again(attempt: number): void {
    timer = setTimeout(
      () => {
        connect(listening, lost).then(
          (made) => {
            if (closed) return end(made);
            client = made;
            beat();
          },
          () => {
            if (!closed) again(attempt + 1);
          },
        );
      },
      backoffMs[Math.min(attempt, backoffMs.length - 1)],
    );
    timer.unref();
  }
  function beat(): void {
    const asked = client;
    timer = setTimeout(() => {
      asked.query({ text: "select 1", query_timeout: answerMs } as { text: string }).then(
        () => {
          if (!closed && asked === client) beat();
        },
        (error: unknown) => lost(asked, error as Error),
      );
    }, beatMs);
    timer.unref();
  }

  beat();
  return {
    close: async () => {
      closed = true;
      clearTimeout(timer);
      await client.end().catch(() => undefined);
    },
  };
}

async function connect(listening: Listening, onLost: (client: Client, error: Error) => void): Promise<Client> {
  const { url, channel, onMessage, onConnected } = listening;
  const client = new Client({
    connectionString: url,
    application_name: "tidemill-listen",
    connectionTimeoutMillis: answerMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: beatMs,
  });
  client.on("error", (error) => onLost(client, error));
  client.on("end", () => onLost(client, new Error("the server ended it")));
  client.on("notification", ({ payload }) => onMessage(payload ?? ""));
  try {
    await client.connect();
    await client.query(`listen ${client.escapeIdentifier(channel)}`);
  } catch (error) {
    end(client);
    throw error;
  }
  onConnected();
  return client;
}

function end(client: Client): void {
  void client.end().catch(() => undefined);
}
