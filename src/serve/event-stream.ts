import type { ProgressEvent } from "../operation/index.ts";
import { ServeError } from "./error.ts";
import type { EventBus } from "./event-bus.ts";

const limits = { listeners: 100, waiting: 1000, heartbeatMs: 15_000 } as const;

/**
 * The bus as a stream of server-sent events (HTML Standard, 9.2): one `data:` line of JSON an event, a comment now and then so that
 * dead connections are noticed. Only events that concern the reader are told.
 * A reader that falls a thousand events behind is let go. Throws TOO_MANY past a hundred readers.
 */
export function streamEvents(
  bus: EventBus,
  signal: AbortSignal,
  concerns: (event: ProgressEvent) => boolean = () => true,
): Response {
  if (bus.listeners >= limits.listeners) {
    throw new ServeError("TOO_MANY", `${limits.listeners} listen to the events already`, { retry: true });
  }
  const encoder = new TextEncoder();
  let end: () => void = () => undefined;
  const body = new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        const send = (text: string) => {
          if ((controller.desiredSize ?? 0) <= 0) return end();
          controller.enqueue(encoder.encode(text));
        };
        const unsubscribe = bus.subscribe((event: ProgressEvent) => {
          if (concerns(event)) send(`data: ${JSON.stringify(event)}\n\n`);
        });
        const heartbeat = setInterval(() => send(": still here\n\n"), limits.heartbeatMs);
        heartbeat.unref();
        end = () => {
          end = () => undefined;
          unsubscribe();
          clearInterval(heartbeat);
          controller.close();
        };
        signal.addEventListener("abort", () => end(), { once: true });
        if (signal.aborted) return end();
        send(": welcome\n\n");
      },
      cancel: () => end(),
    },
    new CountQueuingStrategy({ highWaterMark: limits.waiting }),
  );
  return new Response(body, {
    headers: { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-store" },
  });
}
