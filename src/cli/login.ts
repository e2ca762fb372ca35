import { printable } from "../lib/index.ts";
import type { LoginView } from "../operation/index.ts";
import { command } from "./command.ts";
import { readSecret } from "./read-secret.ts";
import { UsageError } from "./usage-error.ts";

export const login = command<LoginView>({
  usage: "login <server>",
  summary: "Ask this server from now on, with the token that is read from standard input (or TIDEMILL_TOKEN)",
  options: [{ flags: "--ca <file>", description: "PEM file of the authority that the server's certificate is from" }],
  examples: [
    ["tidemill login https://tidemill.example.com", "asks for the token, which is not shown"],
    ["tidemill login tidemill.lan:7443 --ca ca.pem < token", "with an authority of your own"],
  ],
  run: async (context, asked) => {
    const server = asked.argument("server");
    const ca = asked.text("ca");
    const app = await context.load();
    const token = process.env.TIDEMILL_TOKEN ?? (await readSecret(`Token for ${printable(server)}: `));
    if (token === "")
      throw new UsageError("BAD_USAGE", "there was no token on standard input", {
        hint: "An admin makes one: `tidemill token create NAME`.",
      });
    return app.login({ server, token, ...(ca === undefined ? {} : { ca }) });
  },
  print: ({ server, name, roles, labels, version }) => {
    const reach = labels.length === 0 ? "" : `, for images with ${labels.map(printable).join(", ")}`;
    return `Logged in to ${server} (tidemill ${printable(version)}) as ${printable(name)}: ${roles.join(", ")}${reach}.`;
  },
});

export const logout = command<{ readonly server: string | null }>({
  usage: "logout [server]",
  summary: "Forget a server and its token, by default the one that is asked",
  examples: [["tidemill logout", "the token itself counts until it ends, or `tidemill token revoke`"]],
  run: async (context, asked) => {
    const app = await context.load();
    return { server: (await app.logout(asked.optional("server"))) ?? null };
  },
  print: ({ server }) => (server === null ? "No such server was known." : `Forgot ${server} and its token.`),
});
