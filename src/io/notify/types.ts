import type { Message, Told } from "../../core/notice/index.ts";

/** How an attempt ended. `gone`: whoever is there wants no more of it. */
export type Sent =
  | { readonly kind: "sent"; readonly answer: string }
  | { readonly kind: "gone"; readonly problem: string }
  | { readonly kind: "failed"; readonly problem: string; readonly afterMs: number | undefined };

/** What is to be told: for programs as it was written down, one by one; for people as a message of one or more. */
export interface Delivery {
  readonly told: readonly [Told, ...Told[]];
  readonly message: Message;
}

/** A way to reach somebody. Never throws for what the other side does. */
export interface Channel {
  /** Most notifications of one delivery. */
  readonly atOnce: number;
  send(delivery: Delivery, signal: AbortSignal): Promise<Sent>;
}

export interface Means {
  readonly fetch: typeof fetch;
  /** Seconds since 1970, for signatures. */
  readonly seconds: () => number;
  /** How this server is called in what it sends to programs. */
  readonly source: string;
}
