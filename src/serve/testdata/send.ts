import { once } from "node:events";
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import { collectBytes } from "../../lib/index.ts";

export interface Sent {
  readonly method?: string;
  readonly headers?: IncomingHttpHeaders;
  readonly body?: string;
}

/** What came back, all of it. */
export interface Received {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** A request with exactly these headers: fetch would not let Host or Origin be forged. */
export async function send(port: number, path: string, sent: Sent = {}): Promise<Received> {
  const request = httpRequest({
    host: "127.0.0.1",
    port,
    path,
    method: sent.method ?? "GET",
    headers: { ...sent.headers },
    agent: false,
  });
  request.end(sent.body);
  const [response] = (await once(request, "response")) as [IncomingMessage];
  // The live feed has no end.
  if (response.headers["content-type"]?.startsWith("text/event-stream") === true) {
    request.destroy();
    return { status: response.statusCode, headers: response.headers, text: "" };
  }
  const text = (await collectBytes(response, 1e7, "answer")).toString("utf8");
  return { status: response.statusCode, headers: response.headers, text };
}
