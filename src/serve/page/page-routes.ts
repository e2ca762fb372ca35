import type { Context, Hono } from "hono";
import type { Status } from "../../operation/index.ts";
import type { ApiEnv } from "../api.ts";
import { pageScript } from "./script.ts";
import { renderPage, renderState, type Visitor } from "./status-page.ts";
import { pageStyle } from "./style.ts";

/** Only our own script and style, no frame around us, nothing sent elsewhere. CSP Level 3. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/** Of every page. */
export const pageHeaders = { "content-type": "text/html; charset=utf-8", "content-security-policy": policy };

/** The status page: `/`, the part of it that changes, its script and its style. `status` refuses who may not see it. */
export function addPage(
  app: Hono<ApiEnv>,
  status: (context: Context<ApiEnv>) => Promise<Status>,
  visitor: (context: Context<ApiEnv>) => Visitor,
): void {
  const page = (body: string) => new Response(body, { headers: pageHeaders });
  const file = (body: string, type: string) =>
    new Response(body, { headers: { "content-type": `${type}; charset=utf-8`, "cache-control": "no-cache" } });
  app.get("/", async (context) => page(renderPage(await status(context), visitor(context)).text));
  app.get("/state", async (context) => page(renderState(await status(context)).text));
  app.get("/page.css", () => file(pageStyle, "text/css"));
  app.get("/page.js", () => file(pageScript, "text/javascript"));
}
