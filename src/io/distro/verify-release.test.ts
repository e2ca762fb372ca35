import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import type { PrivateKey } from "openpgp";
import { clearSign, makeArchiveKey, publicKeyOf } from "../../../test/fakes/make-suite.ts";
import { needs } from "../../../test/needs.ts";
import type { SignedRelease } from "./signed-release.ts";
import { verifyRelease } from "./verify-release.ts";
import { parseGpgvStatus, verifyWithGpgv } from "./verify-with-gpgv.ts";
import { verifyWithOpenpgp } from "./verify-with-openpgp.ts";

const day = 86_400_000;
const signedAt = Date.UTC(2026, 0, 10);
const now = signedAt + day;
const text = "Codename: tide\nDate: Sat, 10 Jan 2026 00:00:00 UTC\n- dashes stay\n";
let ours: PrivateKey, other: PrivateKey, expired: PrivateKey;

beforeAll(async () => {
  ours = await makeArchiveKey();
  other = await makeArchiveKey();
  expired = await makeArchiveKey({ created: signedAt - day, lifetimeSeconds: (1.5 * day) / 1000 });
});

const nothing = { inRelease: Buffer.alloc(0), keys: [Buffer.from("key")], now };
const noGpgv = (await verifyWithGpgv(nothing)) === undefined ? "gpgv is not installed" : undefined;

/** Both verdicts, which must be the same; the text of a good one without its end, where the two differ by an empty line. */
async function judge(release: SignedRelease): Promise<string> {
  const [first, second] = [await verifyWithGpgv(release), await verifyWithOpenpgp(release)];
  expect(first?.kind).toBe(second.kind);
  if (first?.kind !== "good" || second.kind !== "good") return "bad";
  expect(first.text.trimEnd()).toBe(second.text.trimEnd());
  return first.text.trimEnd();
}

const armored = (key: PrivateKey): Buffer => Buffer.from(key.toPublic().armor());
const tampered = (bytes: Buffer): Buffer => Buffer.from(bytes.toString().replace("tide", "tidy"));

/** Who signed, who is trusted, and what comes of it. */
const cases: Readonly<Record<string, [verdict: "good" | "bad", make: () => Promise<SignedRelease>]>> = {
  "a trusted key": ["good", async () => signed([ours], [publicKeyOf(ours)])],
  "a trusted key that is kept as text": ["good", async () => signed([ours], [armored(ours)])],
  "one of several keyrings": ["good", async () => signed([ours], [publicKeyOf(other), armored(ours)])],
  "an unknown and a trusted key": ["good", async () => signed([other, ours], [publicKeyOf(ours)])],
  "an expired and a valid key": [
    "good",
    async () => signed([expired, ours], [publicKeyOf(expired), publicKeyOf(ours)]),
  ],
  "a key that is not trusted": ["bad", async () => signed([other], [publicKeyOf(ours)])],
  "a key that has expired since": ["bad", async () => signed([expired], [publicKeyOf(expired)])],
  "a trusted key, the text changed since": ["bad", async () => signed([ours], [publicKeyOf(ours)], tampered)],
  "two trusted keys, the text changed since": [
    "bad",
    async () => signed([ours, other], [publicKeyOf(ours), publicKeyOf(other)], tampered),
  ],
  "a trusted key, tomorrow": [
    "bad",
    async () => ({ ...(await signed([ours], [publicKeyOf(ours)])), now: signedAt - 1000 }),
  ],
  "a keyring that is empty": ["bad", async () => signed([ours], [Buffer.alloc(0)])],
  "a keyring of something else": ["bad", async () => signed([ours], [Buffer.from("not a key")])],
};

async function signed(
  keys: readonly PrivateKey[],
  trusted: readonly Uint8Array[],
  alter: (bytes: Buffer) => Buffer = (bytes) => bytes,
): Promise<SignedRelease> {
  return { inRelease: alter(await clearSign(text, keys, signedAt)), keys: trusted, now };
}

describe("verifyWithOpenpgp", () => {
  it.each(Object.keys(cases))("signed by %s", async (name) => {
    const [verdict, make] = cases[name]!;
    expect((await verifyWithOpenpgp(await make())).kind).toBe(verdict);
  });
});

describe("gpgv and OpenPGP.js agree on what is signed by", () => {
  for (const [name, [verdict, make]] of Object.entries(cases)) {
    needs(noGpgv)(name, async () => {
      expect(await judge(await make())).toBe(verdict === "good" ? text.trimEnd() : "bad");
    });
  }
});

describe("gpgv and OpenPGP.js agree on what this system's apt has fetched", () => {
  const lists = "/var/lib/apt/lists";
  const names = listNames(lists);
  const missing = noGpgv ?? (names.length === 0 ? "apt has no InRelease files of Debian" : undefined);
  for (const codename of ["bookworm", "trixie"]) {
    const own = names.filter((name) => new RegExp(`_dists_${codename}(?:-[a-z]+)?_InRelease$`).test(name));
    if (own.length === 0 && codename === "trixie") continue;
    needs(missing)(codename, async () => {
      const keyring = readFileSync(fileURLToPath(new URL(`./keys/debian-${codename}.gpg`, import.meta.url)));
      for (const name of own) {
        const inRelease = readFileSync(join(lists, name));
        expect(await judge({ inRelease, keys: [keyring], now: Date.now() })).toContain(`Codename: ${codename}`);
        expect(await judge({ inRelease, keys: [publicKeyOf(ours)], now: Date.now() })).toBe("bad");
      }
    });
  }
});

function listNames(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => /_dists_(?:bookworm|trixie)(?:-[a-z]+)?_InRelease$/.test(name));
  } catch {
    return [];
  }
}

describe("verifyWithGpgv", () => {
  it("says nothing where gpgv is not installed", async () => {
    expect(await verifyWithGpgv(await signed([ours], [publicKeyOf(ours)]), "no-such-gpgv")).toBeUndefined();
  });
});

describe("a gpgv that does not work", () => {
  it("makes a release bad, and says so", async () => {
    const verdict = await verifyWithGpgv(await signed([ours], [publicKeyOf(ours)]), process.execPath);
    expect(verdict).toMatchObject({ kind: "bad", why: expect.stringContaining("gpgv does not work") as string });
  });

  it("is not believed where it was killed after it had spoken", async () => {
    const folder = await mkdtemp(join(tmpdir(), "tidemill-gpgv-test-"));
    try {
      const program = join(folder, "gpgv");
      const spoken = `[GNUPG:] GOODSIG AA key\n[GNUPG:] VALIDSIG FF 2026-01-10 ${signedAt / 1000} 0 4 0 22 10 01 FF`;
      await writeFile(program, `#!/bin/sh\nprintf '%s\\n' '${spoken}'\nkill -9 $$\n`, { mode: 0o755 });
      const verdict = await verifyWithGpgv(await signed([ours], [publicKeyOf(ours)]), program);
      expect(verdict).toMatchObject({ kind: "bad", why: expect.stringContaining("gpgv does not work") as string });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

describe("parseGpgvStatus", () => {
  const seconds = signedAt / 1000;
  const good = `[GNUPG:] GOODSIG AA key\n[GNUPG:] VALIDSIG FF 2026-01-10 ${seconds} 0 4 0 22 10 01 FF\n`;
  it.each([
    ["a good signature", `[GNUPG:] NEWSIG\n${good}`, "good"],
    ["a good one after a wrong one", `[GNUPG:] NEWSIG\n[GNUPG:] BADSIG BB key\n[GNUPG:] NEWSIG\n${good}`, "good"],
    ["a good one before a wrong one", `[GNUPG:] NEWSIG\n${good}[GNUPG:] NEWSIG\n[GNUPG:] BADSIG BB key\n`, "good"],
    ["no signature", "[GNUPG:] NODATA 4\n", "bad"],
    ["nothing", "", "bad"],
    ["valid but by an expired key", good.replace("GOODSIG", "EXPKEYSIG"), "bad"],
    ["valid but by a revoked key", good.replace("GOODSIG", "REVKEYSIG"), "bad"],
    ["valid but expired", good.replace(`${seconds} 0`, `${seconds} ${seconds + 60}`), "bad"],
    ["good by word only", "[GNUPG:] GOODSIG AA key\n", "bad"],
    ["a user id that imitates a status line", "gpgv: [GNUPG:] GOODSIG AA\n [GNUPG:] VALIDSIG FF\n", "bad"],
  ])("%s", (_name, status, verdict) => expect(parseGpgvStatus(status, now).kind).toBe(verdict));
});

describe("a file that is not one signed message", () => {
  const open = "-----BEGIN PGP SIGNED MESSAGE-----";
  it.each<[string, (file: string) => string]>([
    ["not signed", () => text],
    ["text before it", (file) => `Codename: evil\n\n${file}`],
    ["text after it", (file) => `${file}\nCodename: evil\n`],
    ["two of them", (file) => `${file}\n${file}`],
    ["one that never ends", (file) => file.slice(0, -40)],
    ["its parts out of order", (file) => file.split(open).reverse().join(open)],
    ["nothing", () => ""],
  ])("%s: BAD_SIGNATURE, with a hint", async (_name, change) => {
    const { inRelease } = await signed([ours], [publicKeyOf(ours)]);
    const changed = Buffer.from(change(inRelease.toString()));
    await expect(verifyRelease(changed, [publicKeyOf(ours)], now, "debian/tide")).rejects.toMatchObject({
      code: "BAD_SIGNATURE",
      message: expect.stringContaining("debian/tide") as string,
      hint: expect.stringContaining("stays in use") as string,
    });
  });

  it("is refused where nobody is trusted", async () => {
    const { inRelease } = await signed([ours], []);
    await expect(verifyRelease(inRelease, [], now, "debian/tide")).rejects.toMatchObject({ code: "BAD_SIGNATURE" });
  });
});
