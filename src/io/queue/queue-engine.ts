/** One session of the database that the queue lives in. */
export interface QueueSession {
  query(text: string, values?: readonly unknown[], plain?: boolean): Promise<{ rows: Record<string, unknown>[] }>;
  script(text: string, plain?: boolean): Promise<{ rows: Record<string, unknown>[] }>;
}

/** What the queue needs of a database: the engine of a store has it. */
export interface QueueEngine {
  /** `pglite`: this process is the only one that can reach it. */
  readonly kind: "pglite" | "postgres";
  acquire(): Promise<QueueSession>;
  release(session: QueueSession, broken?: boolean): Promise<void>;
  /** Without it the queue asks twice a second. */
  readonly listen?: (
    channel: string,
    onMessage: (payload: string) => void,
    onConnected: () => void,
  ) => Promise<{ readonly close: () => Promise<void> }>;
}
