import type { Instant } from "../../lib/index.ts";

/** What people and programs can be told of. */
export const noticeEvents = [
  "promoted",
  "rolled-back",
  "rebuild-failed",
  "held",
  "resumed",
  "question-asked",
  "question-closed",
  "conflict",
  "alarm-raised",
  "deployed",
  "deploy-failed",
] as const;

/** Something that happened, as it was written down together with what it tells of. */
export interface Told {
  readonly id: string;
  readonly event: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly createdAt: Instant;
  /** How often it was told again while it waited. */
  readonly repeats: number;
}

/** The same for people: texts of others are in it as they are, and are escaped by whoever shows them. */
export interface Notice {
  readonly id: string;
  readonly event: string;
  readonly at: Instant;
  readonly urgent: boolean;
  /** One line. */
  readonly title: string;
  /** Sentences. */
  readonly text: string;
  readonly facts: readonly (readonly [name: string, value: string])[];
  /** What to type. */
  readonly answer: string | undefined;
  /** A page of the server, which asks who looks. */
  readonly link: string | undefined;
}

/** A message as a channel sends it. */
export interface Message {
  /** Stays over all attempts. */
  readonly id: string;
  readonly notices: readonly [Notice, ...Notice[]];
}
