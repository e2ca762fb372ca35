import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { copyFile, mkdtemp, readFile, readdir, readlink, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { needs } from "../../../../test/needs.ts";
import { subjectHash } from "./subject-hash.ts";

const folder = join(import.meta.dirname, "testdata/subjects");
const installed = "/usr/share/ca-certificates/mozilla";

describe("subjectHash", () => {
  it.each(readdirSync(folder))("is the one of OpenSSL: %s", (file) => {
    const expected = /-([0-9a-f]{8})\.pem$/.exec(file)?.[1];
    expect(subjectHash(readFileSync(join(folder, file), "utf8"))?.hash).toBe(expected);
  });

  it.each(["", "no certificate", "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"])(
    "is none for what is no certificate: %j",
    (text) => expect(subjectHash(text)).toBeUndefined(),
  );

  it("is none where the certificate is cut off anywhere", () => {
    const whole = readFileSync(join(folder, "bmp-9538abd9.pem"), "utf8").split("\n").slice(1, -2).join("");
    const bytes = Buffer.from(whole, "base64");
    for (let length = 0; length < bytes.length; length += 7) {
      const text = bytes.subarray(0, length).toString("base64");
      expect(subjectHash(`-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----\n`)).toBeUndefined();
    }
  });

  needs(missingOpenSsl())("is the one of OpenSSL for every certificate of ca-certificates", async () => {
    const names = (await readdir(installed)).filter((file) => file.endsWith(".crt"));
    expect(names.length).toBeGreaterThan(100);
    const copy = await mkdtemp(join(tmpdir(), "tidemill-rehash-"));
    try {
      await Promise.all(names.map((name) => copyFile(join(installed, name), join(copy, name))));
      execFileSync("openssl", ["rehash", copy]);
      for (const link of await readdir(copy)) {
        if (!/^[0-9a-f]{8}\.\d+$/.test(link)) continue;
        const name = await readlink(join(copy, link));
        expect(`${name} ${subjectHash(await readFile(join(copy, name), "utf8"))?.hash}`).toBe(
          `${name} ${link.slice(0, 8)}`,
        );
        names.splice(names.indexOf(name), 1);
      }
      expect(names).toEqual([]);
    } finally {
      await rm(copy, { recursive: true, force: true });
    }
  });
});

function missingOpenSsl(): string | undefined {
  try {
    execFileSync("openssl", ["version"]);
    return readdirSync(installed).length > 0 ? undefined : `${installed} is empty`;
  } catch {
    return "there is no openssl, or no certificates of ca-certificates";
  }
}
