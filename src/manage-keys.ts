import { listKeys, makeKeys, passphraseOf, revokeKey, rotateKeys, type KeyFile } from "./io/sign/index.ts";
import type { KeysRequest, KeysView } from "./operation/index.ts";

/** Makes, lists, replaces or revokes the signing keys of a name (`/srv/keys/tidemill`). The passphrase is the variable's. Throws KEY_CLOSED, KEY_EXISTS and BAD_KEY. */
export async function manageKeys(
  request: KeysRequest,
  env: Readonly<Record<string, string | undefined>>,
): Promise<KeysView> {
  const { name } = request;
  if (request.action === "make") await makeKeys(name, request.kind, passphraseOf(env));
  if (request.action === "rotate") await rotateKeys(name, request.kind, passphraseOf(env));
  if (request.action === "revoke") await revokeKey(name, request.fingerprint);
  return { name, keys: (await listKeys(name)).map(describe) };
}

function describe({ path, state, key }: KeyFile): KeysView["keys"][number] {
  return { path, state, kind: key.name.split(" ")[0] ?? "", fingerprint: key.fingerprint };
}
