import { once } from "node:events";
import { createServer } from "node:http";
import { Provider, type Configuration } from "oidc-provider";

/** A real provider on loopback, with its own pages: whoever logs in by a name is that person. */
export interface OpenidProvider {
  readonly address: string;
  close(): Promise<void>;
}

export const client = { id: "tidemill", secret: "of-the-client" } as const;

/** `groupsOf` says what it tells of a person. */
export async function startOpenidProvider(
  port: number,
  serverUrl: string,
  groupsOf: (name: string) => readonly string[],
): Promise<OpenidProvider> {
  const address = `http://127.0.0.1:${port}`;
  const configuration: Configuration = {
    clients: [
      {
        client_id: client.id,
        client_secret: client.secret,
        redirect_uris: [`${serverUrl}/auth/callback`],
        post_logout_redirect_uris: [`${serverUrl}/auth/out`],
      },
    ],
    claims: { openid: ["sub"], email: ["email", "email_verified"], groups: ["groups"] },
    scopes: ["openid", "email", "groups"],
    cookies: { keys: ["of-this-test"] },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: id, email: `${id}@example.org`, email_verified: true, groups: groupsOf(id) }),
    }),
  };
  const provider = new Provider(address, configuration);
  const answer = provider.callback();
  const server = createServer((request, response) => void answer(request, response));
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    address,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
