import { z } from "zod";
import { role } from "../core/access/index.ts";
import { instant, personName, reasonText } from "./shapes.ts";

const session = z.object({
  id: z.string(),
  /** What the record calls the person. */
  name: z.string(),
  /** Who that is at their provider: its address, `#`, their number there. */
  subject: z.string(),
  roles: z.array(role),
  /** Only images that bear one of them; empty: all. */
  labels: z.array(z.string()),
  since: instant,
  /** To the minute. */
  lastUsedAt: instant,
  /** It may end sooner, where it is not used. */
  expiresAt: instant,
});
export type SessionView = z.output<typeof session>;

export const sessionListInput = z.strictObject({});
export const sessionListed = z.object({ sessions: z.array(session) });

export const sessionRevokeInput = z.strictObject({
  /** Of one session its id, of all of a person the name. */
  session: z.string().min(1).max(200),
  by: personName,
  reason: reasonText,
});
export const sessionRevoked = z.object({ sessions: z.array(session) });
