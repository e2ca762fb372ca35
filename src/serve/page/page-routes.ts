import type { Hono } from "hono";
import type { Operations } from "../../operation/index.ts";
import { pageScript } from "./script.ts";
import { renderPage, renderState } from "./status-page.ts";
import { pageStyle } from "./style.ts";

/** Only our own script and style, no frame around us, nothing sent elsewhere. CSP Level 3. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** The status page: `/`, the part of it that changes, its script and its style. */
export function addPage(app: Hono, operations: Operations): void {
  const page = (body: string) =>
    new Response(body, { headers: { "content-type": "text/html; charset=utf-8", "content-security-policy": policy } });
  const file = (body: string, type: string) =>
    new Response(body, { headers: { "content-type": `${type}; charset=utf-8`, "cache-control": "no-cache" } });
  app.get("/", async () => page(renderPage(await operations.status({})).text));
  app.get("/state", async () => page(renderState(await operations.status({})).text));
  app.get("/page.css", () => file(pageStyle, "text/css"));
  app.get("/page.js", () => file(pageScript, "text/javascript"));
}
