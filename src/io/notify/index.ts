import type { ReceiverConfig } from "../../core/config/index.ts";
import { openSlack, openTeams } from "./chat.ts";
import { openEmail } from "./email.ts";
import { openCloudEvents, openWebhook } from "./signed.ts";
import type { Channel, Means } from "./types.ts";

export { NotifyError } from "./error.ts";
export type { Channel, Delivery, Means, Sent } from "./types.ts";

/** Every way to reach somebody, by its key in the configuration. Another one is: a file, a line here, its schema, a test. */
const channels = {
  webhook: openWebhook,
  cloudevents: openCloudEvents,
  slack: openSlack,
  teams: openTeams,
  email: openEmail,
} as const;

/** The channel that a receiver names. Throws BAD_SECRET. */
export function openChannel(receiver: ReceiverConfig, means: Means): Channel {
  const kind = (Object.keys(channels) as (keyof typeof channels)[]).find((one) => Object.hasOwn(receiver, one));
  if (kind === undefined) throw new Error("the configuration's schema lets no receiver without a channel pass");
  const open = channels[kind] as (options: unknown, means: Means) => Channel;
  return open((receiver as Readonly<Record<string, unknown>>)[kind], means);
}
