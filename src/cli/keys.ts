import { printable } from "../lib/index.ts";
import type { KeysRequest, KeysView } from "../operation/index.ts";
import { absolutePath } from "./absolute-path.ts";
import { command, type Asked } from "./command.ts";
import type { Screen } from "./screen.ts";
import { renderTable } from "./table.ts";
import { UsageError } from "./usage-error.ts";

interface Output extends KeysView {
  readonly action: KeysRequest["action"];
}

const kinds = ["ecdsa-p256", "ed25519"] as const;

export const keys = command<Output>({
  usage: "keys <action> [name] [fingerprint]",
  summary:
    "Keys that evidence is signed with (make, list, rotate, revoke): NAME.key, encrypted by the passphrase in TIDEMILL_KEY_PASSPHRASE, and NAME.pub, both as cosign has them",
  options: [{ flags: "--type <type>", description: `of a new key: ${kinds.join(", ")} (${kinds[0]})` }],
  examples: [
    [
      "tidemill keys make keys/tidemill",
      "keys/tidemill.key and keys/tidemill.pub; `evidence: { key: keys/tidemill.key }` signs with it",
    ],
    ["tidemill keys rotate keys/tidemill", "a new key signs; what the old one signed still counts"],
    ["tidemill keys revoke keys/tidemill 1f0c9d2e", "nothing that this old key signed counts any more"],
  ],
  run: async (context, asked) => {
    const request = requestOf(asked);
    const app = await context.load();
    return { action: request.action, ...(await app.manageKeys(request)) };
  },
  json: ({ name, keys: list }) => ({ name, keys: list }),
  print: ({ action, name, keys: list }, screen) => {
    const done = { make: "Made", rotate: "Made anew", revoke: "Revoked a key of", list: "Keys of" }[action];
    return `${done} ${printable(name)}\n${tableOf(list, screen)}`;
  },
});

function requestOf(asked: Asked): KeysRequest {
  const action = asked.argument("action");
  const name = absolutePath((asked.optional("name") ?? "tidemill").replace(/\.(?:key|pub)$/, ""));
  const type = asked.text("type") ?? kinds[0];
  const kind = kinds.find((one) => one === type);
  if (kind === undefined)
    throw new UsageError("BAD_USAGE", `--type ${type}: there is no such type`, { hint: `One of ${kinds.join(", ")}.` });
  switch (action) {
    case "make":
    case "rotate":
      return { action, name, kind };
    case "list":
      return { action, name };
    case "revoke": {
      const fingerprint = asked.optional("fingerprint");
      if (fingerprint === undefined)
        throw new UsageError("BAD_USAGE", "keys revoke needs the fingerprint of a key", {
          hint: "`tidemill keys list` names them.",
        });
      return { action, name, fingerprint };
    }
    default:
      throw new UsageError("BAD_USAGE", `keys ${action}: there is no such action`, {
        hint: "Known are make, list, rotate, revoke.",
      });
  }
}

function tableOf(list: KeysView["keys"], screen: Screen): string {
  const columns = [{ title: "STATE" }, { title: "KIND" }, { title: "FINGERPRINT" }, { title: "FILE", flexible: true }];
  return renderTable(
    columns,
    list.map(({ state, kind, fingerprint, path }) => [state, kind, fingerprint.replace("sha256:", ""), path]),
    screen,
  );
}
