import type { RunningApp } from "../operation/index.ts";
import { command } from "./command.ts";
import { createProgress, type Progress } from "./progress.ts";

export const up = command<{ readonly running: RunningApp; readonly progress: Progress }>({
  usage: "up",
  summary: "Watch, rebuild, prove and promote until Ctrl-C; serves the status page, the API and the embedded registry",
  options: [
    {
      flags: "-l, --listen <address>",
      description: "address and port to listen on (127.0.0.1, from the configuration)",
    },
  ],
  examples: [
    ["tidemill up", "with ./tidemill.yaml"],
    ["tidemill up --config fleet.yaml --data /srv/tidemill", "elsewhere"],
  ],
  run: async (context, asked) => {
    const listen = asked.text("listen");
    const progress = createProgress(context.screen, context.json);
    try {
      const app = await context.load();
      const running = await app.startApp({
        ...context.options,
        ...(listen === undefined ? {} : { listen }),
        onEvent: progress.onEvent,
        signal: context.stop,
      });
      progress.settle();
      return { running, progress };
    } catch (error) {
      progress.close();
      throw error;
    }
  },
  print: ({ running }) => `Status page ${running.statusPage}\nRegistry    ${running.registry}\nCtrl-C ends.`,
  json: ({ running }) => ({ statusPage: running.statusPage, registry: running.registry }),
  after: async ({ running, progress }, context) => {
    try {
      await untilStopped(running, context.stop);
    } finally {
      progress.close();
    }
  },
});

/** Resolves when the server has stopped, by itself or because the user said so. */
export async function untilStopped(running: RunningApp, stop: AbortSignal): Promise<void> {
  const asked = new Promise<void>((resolve) => {
    if (stop.aborted) resolve();
    else stop.addEventListener("abort", () => resolve(), { once: true });
  });
  try {
    await Promise.race([running.stopped, asked]);
  } finally {
    await running.close();
  }
}
