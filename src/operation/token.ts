import { z } from "zod";
import { imageLabel, role } from "../core/access/index.ts";
import { instant, personName, reasonText } from "./shapes.ts";

/** Tokens are named in the record: no blanks, nothing that could be taken for another kind of caller. */
const tokenName = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9._-]{0,98}[a-z0-9])?$/, "lower-case letters, digits, `.`, `_` and `-`, at most 100");

const token = z.object({
  id: z.string(),
  name: z.string(),
  /** In whose name it acts; null: a program, which the record calls by the token's name. */
  person: z.string().nullable(),
  roles: z.array(role),
  /** Only images that bear one of them; empty: all. */
  labels: z.array(z.string()),
  createdAt: instant,
  createdBy: z.string(),
  expiresAt: instant,
  /** To the minute. */
  lastUsedAt: instant.nullable(),
  state: z.enum(["active", "expired", "revoked"]),
});
export type TokenView = z.output<typeof token>;

export const tokenCreateInput = z.strictObject({
  name: tokenName,
  person: personName.optional(),
  roles: z.array(role).min(1).max(4),
  labels: z.array(imageLabel).max(50).default([]),
  /** At most 366 days from now. */
  expiresAt: instant,
  by: personName,
});
export const tokenCreated = z.object({
  token,
  /** What its holder sends as `Authorization: Bearer …`. It is shown this once and kept nowhere. */
  secret: z.string(),
});

export const tokenListInput = z.strictObject({});
export const tokenListed = z.object({ tokens: z.array(token) });

export const tokenRevokeInput = z.strictObject({
  /** Its id, or the name of one that stands. */
  token: z.string().min(1).max(200),
  by: personName,
  reason: reasonText,
});
export const tokenRevoked = z.object({ token });
