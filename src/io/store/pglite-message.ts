/** What the main thread asks of the worker that runs PGlite. */
export type PgliteRequest =
  | { readonly id: number; readonly kind: "open"; readonly directory: string }
  | {
      readonly id: number;
      readonly kind: "query";
      readonly text: string;
      readonly values: readonly unknown[];
      readonly plain: boolean;
    }
  | { readonly id: number; readonly kind: "script"; readonly text: string; readonly plain: boolean }
  | { readonly id: number; readonly kind: "close" };

/** An error of PostgreSQL as it crosses threads. */
export interface PgliteFailure {
  readonly message: string;
  /** SQLSTATE, where the database refused. */
  readonly code: string | undefined;
  readonly detail: string | undefined;
}

export type PgliteReply =
  | { readonly id: number; readonly rows: Record<string, unknown>[]; readonly affected: number }
  | { readonly id: number; readonly failure: PgliteFailure };

/** Small buffers: 216 MB resident after an open where the defaults take 330; what is read often is in the system's cache. */
export const pgliteSettings = ["shared_buffers=16MB", "max_wal_size=64MB", "min_wal_size=32MB"] as const;
