import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import type { Config } from "./core/config/index.ts";
import { listKeys, openSigner, passphraseOf, readPublicKey, type Signer } from "./io/sign/index.ts";
import type { FleetEvidence } from "./loop/context.ts";
import { readVersion } from "./version.ts";

/** How a configuration has evidence signed; undefined where it asks for none. Keys are looked at when they are needed: who only looks needs no passphrase, and a key that was replaced or revoked counts so at once. */
export function createEvidence(
  config: Config,
  home: string,
  env: Readonly<Record<string, string | undefined>>,
): FleetEvidence | undefined {
  const { evidence: rules } = config;
  if (rules === undefined) return undefined;
  const path = resolve(home, rules.key);
  let opened: { readonly seen: string; readonly signer: Promise<Signer> } | undefined;
  return {
    rules,
    verifier: { id: rules.builder, version: readVersion() },
    signer: async () => {
      const file = await stat(path).catch(() => undefined);
      const seen = `${file?.ino} ${file?.mtimeMs} ${file?.size}`;
      if (opened?.seen === seen) return opened.signer;
      const signer = openSigner(path, passphraseOf(env, rules.passphrase));
      opened = { seen, signer };
      signer.catch(() => (opened = undefined));
      return signer;
    },
    keys: async () => {
      const [own, more, revoked] = await Promise.all([
        listKeys(path.replace(/\.key$/, "")),
        Promise.all(rules.trust.map((file) => readPublicKey(resolve(home, file)))),
        Promise.all(rules.revoked.map((file) => readPublicKey(resolve(home, file)))),
      ]);
      const gone = [...own.filter(({ state }) => state === "revoked").map(({ key }) => key), ...revoked];
      const isGone = new Set(gone.map(({ fingerprint }) => fingerprint));
      const kept = [...own.map(({ key }) => key), ...more].filter(({ fingerprint }) => !isGone.has(fingerprint));
      return { trusted: kept, revoked: gone };
    },
  };
}
