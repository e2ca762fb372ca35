import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import type { Config, EvidenceConfig } from "./core/config/index.ts";
import type { TrustedKey } from "./core/signature/index.ts";
import { listKeys, openProgramSigner, openSigner, passphraseOf, readPublicKey, type Signer } from "./io/sign/index.ts";
import type { FleetEvidence } from "./loop/context.ts";
import { readVersion } from "./version.ts";

type Env = Readonly<Record<string, string | undefined>>;

/** What signs, and the public keys that lie beside that. */
type Source = Pick<FleetEvidence, "signer" | "keys">;

/** How a configuration has evidence signed; undefined where it asks for none. Keys are looked at when they are needed: who only looks needs no passphrase, and a key that was replaced or revoked counts so at once. */
export function createEvidence(config: Config, home: string, env: Env): FleetEvidence | undefined {
  const { evidence: rules } = config;
  if (rules === undefined) return undefined;
  const source =
    rules.program === undefined
      ? keySource(resolve(home, rules.key ?? ""), env, rules.passphrase)
      : programSource(rules.program, home, env);
  const readAll = (files: readonly string[]): Promise<TrustedKey[]> =>
    Promise.all(files.map((file) => readPublicKey(resolve(home, file))));
  return {
    rules,
    verifier: { id: rules.builder, version: readVersion() },
    signer: source.signer,
    keys: async () => {
      const [own, more, revoked] = await Promise.all([source.keys(), readAll(rules.trust), readAll(rules.revoked)]);
      const gone = [...own.revoked, ...revoked];
      const isGone = new Set(gone.map(({ fingerprint }) => fingerprint));
      return {
        trusted: [...own.trusted, ...more].filter(({ fingerprint }) => !isGone.has(fingerprint)),
        revoked: gone,
      };
    },
  };
}

/** A key in a file, opened once for as long as the file is the same. */
function keySource(path: string, env: Env, passphrase: string): Source {
  let opened: { readonly seen: string; readonly signer: Promise<Signer> } | undefined;
  return {
    signer: async () => {
      const file = await stat(path).catch(() => undefined);
      const seen = `${file?.ino} ${file?.mtimeMs} ${file?.size}`;
      if (opened?.seen === seen) return opened.signer;
      const signer = openSigner(path, passphraseOf(env, passphrase));
      opened = { seen, signer };
      signer.catch(() => (opened = undefined));
      return signer;
    },
    keys: async () => {
      const all = await listKeys(path.replace(/\.key$/, ""));
      const of = (isRevoked: boolean): TrustedKey[] =>
        all.filter(({ state }) => (state === "revoked") === isRevoked).map(({ key }) => key);
      return { trusted: of(false), revoked: of(true) };
    },
  };
}

function programSource(program: NonNullable<EvidenceConfig["program"]>, home: string, env: Env): Source {
  const [first = "", ...args] = program.command;
  const publicKey = resolve(home, program.key);
  const told = program.pass.flatMap((name): [string, string][] => {
    const value = env[name];
    return value === undefined ? [] : [[name, value]];
  });
  return {
    signer: () =>
      openProgramSigner({
        command: [first.includes("/") ? resolve(home, first) : first, ...args],
        publicKey,
        env: Object.fromEntries(told),
        timeoutMs: program.timeout,
      }),
    keys: async () => ({ trusted: [await readPublicKey(publicKey)], revoked: [] }),
  };
}
