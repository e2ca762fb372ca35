import { readFile, stat } from "node:fs/promises";
import { resolve } from "node:path";
import type { Config, EvidenceConfig } from "./core/config/index.ts";
import { trustIdentity, type TrustedIdentity, type TrustedKey, type TrustedSigner } from "./core/signature/index.ts";
import {
  listKeys,
  openKeylessSigner,
  openProgramSigner,
  openSigner,
  passphraseOf,
  readPublicKey,
  SignError,
  type IdentitySigner,
  type Signer,
  type TokenSource,
} from "./io/sign/index.ts";
import { messageOf } from "./lib/index.ts";
import type { FleetEvidence } from "./loop/context.ts";
import { readVersion } from "./version.ts";

type Env = Readonly<Record<string, string | undefined>>;

/** What signs, and the public keys that lie beside that. */
type Source = Pick<FleetEvidence, "signer" | "keys">;

/** How a configuration has evidence signed; undefined where it asks for none. Keys are looked at when they are needed: who only looks needs no passphrase, and a key that was replaced or revoked counts so at once. */
export function createEvidence(config: Config, home: string, env: Env): FleetEvidence | undefined {
  const { evidence: rules } = config;
  if (rules === undefined) return undefined;
  const source = sourceOf(rules, home, env);
  const readAll = (named: EvidenceConfig["trust"]): Promise<TrustedSigner[]> =>
    Promise.all(
      named.map((one) => (typeof one === "string" ? readPublicKey(resolve(home, one)) : readIdentity(one, home))),
    );
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

function sourceOf(rules: EvidenceConfig, home: string, env: Env): Source {
  if (rules.keyless !== undefined) return keylessSource(rules.keyless, home, env);
  return rules.program === undefined
    ? keySource(resolve(home, rules.key ?? ""), env, rules.passphrase)
    : programSource(rules.program, home, env);
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

type Keyless = NonNullable<EvidenceConfig["keyless"]>;
type NamedIdentity = Exclude<EvidenceConfig["trust"][number], string>;

/** An identity, with its trusted root as it is now. Throws BAD_ROOT where that cannot be read. */
async function readIdentity(named: NamedIdentity, home: string): Promise<TrustedIdentity> {
  const path = resolve(home, named.trustedRoot);
  const trustedRoot = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new SignError("BAD_ROOT", `the trusted root ${path} cannot be read: ${messageOf(cause)}`, {
      hint: "Paths of `trustedRoot:` are relative to the configuration.",
      cause,
    });
  });
  return trustIdentity({ ...named, kind: "identity", trustedRoot });
}

/** An identity that signs: its certificate is kept for as long as the trusted root is the same. */
function keylessSource(keyless: Keyless, home: string, env: Env): Source {
  const { issuer, subject, trustedRoot: root, thresholds, fulcio, rekor, timestamp, audience } = keyless;
  const identity = (): Promise<TrustedIdentity> =>
    readIdentity({ issuer, subject, trustedRoot: root, thresholds }, home);
  let opened: { readonly root: string; readonly signer: IdentitySigner } | undefined;
  return {
    signer: async () => {
      const own = await identity();
      const { trustedRoot } = own.policy;
      if (opened?.root === trustedRoot) return opened.signer;
      const token = tokenSource(keyless.token, home, env);
      const setting = { identity: own, fulcio, rekor, timestamp, audience, token, env };
      opened = { root: trustedRoot, signer: await openKeylessSigner(setting) };
      return opened.signer;
    },
    keys: async () => ({ trusted: [await identity()], revoked: [] }),
  };
}

function tokenSource(token: Keyless["token"], home: string, env: Env): TokenSource {
  if (typeof token === "string") return { kind: token };
  if ("file" in token) return { kind: "file", path: resolve(home, token.file) };
  if ("variable" in token) return { kind: "variable", name: token.variable };
  const [first = "", ...args] = token.command;
  return {
    kind: "command",
    command: [first.includes("/") ? resolve(home, first) : first, ...args],
    env: valuesOf(token.pass, env),
    timeoutMs: token.timeout,
  };
}

function valuesOf(names: readonly string[], env: Env): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name): [string, string][] => {
      const value = env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

function programSource(program: NonNullable<EvidenceConfig["program"]>, home: string, env: Env): Source {
  const [first = "", ...args] = program.command;
  const publicKey = resolve(home, program.key);
  return {
    signer: () =>
      openProgramSigner({
        command: [first.includes("/") ? resolve(home, first) : first, ...args],
        publicKey,
        env: valuesOf(program.pass, env),
        timeoutMs: program.timeout,
      }),
    keys: async () => ({ trusted: [await readPublicKey(publicKey)], revoked: [] }),
  };
}
