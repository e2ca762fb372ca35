import type { Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { AppError, html, type Html, type Logger } from "../../lib/index.ts";
import { formatCookie, isOwnWrite, readCookie, type Admission } from "../access/index.ts";
import type { ApiEnv } from "../api.ts";
import { errorAnswer, type ErrorAnswer } from "../error-answer.ts";
import { ServeError } from "../error.ts";
import { pageHeaders, renderDoor, type Visitor } from "../page/index.ts";
import { asRefusal, type Login } from "./create-login.ts";

interface Parts {
  readonly login: Login;
  readonly admission: Admission;
  readonly logger: Logger;
}

const guest: Visitor = { kind: "guest" };

/** `/auth/login`, where the provider sends people back to, and how they leave. Nothing here needs to know who asks. */
export function addLogin(app: Hono<ApiEnv>, { login, admission, logger }: Parts): void {
  app.get("/auth/login", (context) =>
    orPage(context, logger, async () => {
      admission.countLogin(context.env.incoming);
      const { url, attempt, forMs } = await login.begin();
      return goTo(url, formatCookie("login", attempt, forMs));
    }),
  );

  app.get("/auth/callback", (context) =>
    orPage(context, logger, async () => {
      admission.countLogin(context.env.incoming);
      const cookies = context.req.header("cookie");
      const query = new URL(context.req.url).search.slice(1);
      const before = readCookie(cookies, "session");
      const { secret, forMs } = await login.finish(query, readCookie(cookies, "login"), before);
      return goTo("/", formatCookie("session", secret, forMs), formatCookie("login", undefined));
    }),
  );

  app.get("/auth/out", () =>
    page(
      html`<p class="lead">You are logged out.</p>
        <p><a href="/auth/login">Log in</a></p>`,
    ),
  );

  app.post("/auth/logout", bodyLimit({ maxSize: 4096 }), (context) =>
    orPage(context, logger, async () => {
      const secret = readCookie(context.req.header("cookie"), "session");
      if (secret === undefined) return goTo("/auth/out");
      const given = new URLSearchParams(await context.req.text()).get("csrf") ?? undefined;
      if (!isOwnWrite(context.env.incoming.headers, secret, given))
        throw new ServeError("FORBIDDEN", "this was not asked for by a page of this server");
      const onward = (await login.end(secret)) ?? "/auth/out";
      // Not a redirect: a policy that lets forms go to this server alone would stop that.
      const body = html`<p class="lead">You are logged out here.</p>
        <p><a href="${onward}">On to the provider</a></p>`;
      return page(body, 200, { refresh: `0; url=${onward}`, "set-cookie": formatCookie("session", undefined) });
    }),
  );
}

/** What a browser is shown that is refused: why, and how it may be let in, or leave. */
export function refusalPage({ status, body }: ErrorAnswer, visitor: Visitor): Response {
  const known = html`Of your images there are lists: <a href="/api/v1/images">what they are</a>,
    <a href="/api/v1/rebuilds">their rebuilds</a>, <a href="/api/v1/promotions">their promotions</a>.`;
  return page(
    html`<p class="lead">${body.detail}.</p>
      <p>${body.code === "OUT_OF_SCOPE" ? known : (body.hint ?? undefined)}</p>`,
    status,
    {},
    visitor,
  );
}

async function orPage(context: Context, logger: Logger, answer: () => Promise<Response>): Promise<Response> {
  try {
    return await answer();
  } catch (thrown) {
    const error = asRefusal(thrown);
    const { status, body } = errorAnswer(error);
    if (status >= 500 && !(error instanceof AppError)) logger.error({ err: error }, "a login failed");
    else logger.info({ code: body.code, reason: body.detail }, "a login was refused");
    if (!(context.req.header("accept") ?? "").includes("text/html")) throw error;
    return refusalPage({ status, body }, guest);
  }
}

function goTo(url: string, ...cookies: readonly string[]): Response {
  const headers = new Headers({ location: url });
  for (const cookie of cookies) headers.append("set-cookie", cookie);
  return new Response(null, { status: 303, headers });
}

function page(
  body: Html,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
  visitor: Visitor = { kind: "none" },
): Response {
  const whole = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>Tidemill</title>
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href="/page.css" />
      </head>
      <body>
        <header>
          <h1>Tidemill</h1>
          <div class="right">${renderDoor(visitor)}</div>
        </header>
        <main>${body}</main>
      </body>
    </html> `;
  return new Response(whole.text, { status, headers: { ...pageHeaders, ...headers } });
}
