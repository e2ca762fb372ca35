import { createNews } from "./io/forge/index.ts";
import { messageOf } from "./lib/index.ts";
import type { Context } from "./loop/context.ts";
import { tellForges } from "./loop/tell/index.ts";

type Env = Readonly<Record<string, string | undefined>>;

const failing = { code: "forges-untold", subject: "report" } as const;

/** Tells forges what became of commits. What stops telling altogether is an alarm; so it is where a forge refuses again and again. */
export async function tellForgesOf(ctx: Context, env: Env): Promise<void> {
  const token = env["TIDEMILL_FORGE_TOKEN"] ?? env["TIDEMILL_GIT_TOKEN"];
  try {
    const untold = await tellForges(ctx, ({ kind, api, repository }) => createNews({ kind, api, repository, token }));
    if (untold === undefined) await ctx.store.saveAlarmCleared(failing);
    else
      await ctx.store.saveAlarm({
        ...failing,
        severity: "warning",
        message: untold,
        hint: "`report:` of the image names the forge, TIDEMILL_FORGE_TOKEN has to be a token that may write statuses and deployments. It is tried again.",
      });
  } catch (error) {
    if (ctx.signal.aborted) return;
    await ctx.store.saveAlarm({ ...failing, severity: "error", message: messageOf(error) });
  }
}
