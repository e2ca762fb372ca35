import type { Issuer } from "../../../test/fakes/openid-issuer.ts";
import { send } from "./send.ts";

/** Logs in at a server by a provider that says `claims`; gives the session's cookie as a browser sends it. `issuer` has to make its tokens out for the server's client. */
export async function logIn(port: number, issuer: Issuer, claims: Readonly<Record<string, unknown>>): Promise<string> {
  const begun = await send(port, "/auth/login");
  const asked = new URL(begun.headers.location ?? "").searchParams;
  issuer.answer("/token", (response) => {
    response.setHeader("content-type", "application/json");
    const id_token = issuer.token({ ...claims, nonce: asked.get("nonce") });
    response.end(JSON.stringify({ access_token: "a", token_type: "Bearer", id_token }));
  });
  const query = new URLSearchParams({ code: "c", state: asked.get("state") ?? "", iss: issuer.address });
  const headers = { cookie: cookieOf(begun.headers["set-cookie"], "__Host-tidemill-login") };
  const back = await send(port, `/auth/callback?${query.toString()}`, { headers });
  if (back.status !== 303) throw new Error(back.text);
  return cookieOf(back.headers["set-cookie"], "__Host-tidemill");
}

function cookieOf(set: readonly string[] | undefined, name: string): string {
  return set?.find((one) => one.startsWith(`${name}=`))?.split(";")[0] ?? "";
}
