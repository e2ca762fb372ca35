import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { sha256 } from "../../lib/index.ts";
import { formatReadme, patternOf } from "./index.ts";

const digest = sha256("image");
const facts = { image: "web", digest, manifest: "image/x.json", version: "1" };
const identity = { kind: "identity", path: "identities/0123456789abcdef", hasCertificateLogs: false } as const;
const lastBlock = (text: string): string => text.split("```sh\n").at(-1)?.split("```")[0] ?? "";

/** What a shell makes of the identity that a README says. */
function believed(text: string, env: Readonly<Record<string, string>> = {}): string {
  const [, line = ""] = /^(\[ -n "\$\{IDENTITY.*)$/m.exec(text) ?? [];
  return execFileSync("sh", ["-ec", `${line}\nprintf %s "$IDENTITY"`], { encoding: "utf8", env });
}

describe("the README of an export that an identity signed", () => {
  it.each(['it\'s `id` $(id) \\ "x"', "https://github.com/acme/x@refs/heads/main"])(
    "has a shell take %s as it is, and the reader's own before it",
    (subject) => {
      const text = formatReadme({ ...facts, signer: { ...identity, subject, issuer: "https://issuer.example" } });
      expect(believed(text)).toBe(subject);
      expect(believed(text, { IDENTITY: "mine" })).toBe("mine");
    },
  );

  it("gives cosign patterns that match the whole, and asks for logs of certificates where the root names some", () => {
    const subject = { pattern: "https://x/.*|y" };
    const signer = { ...identity, subject, issuer: "https://issuer.example" };
    const text = formatReadme({ ...facts, signer });
    expect(believed(text)).toBe("^(?:https://x/.*|y)$");
    expect(lastBlock(text)).toContain('--certificate-identity-regexp "$IDENTITY" --certificate-oidc-issuer "$ISSUER"');
    expect(lastBlock(text).match(/--insecure-ignore-sct/g)).toHaveLength(3);
    const logged = lastBlock(formatReadme({ ...facts, signer: { ...signer, hasCertificateLogs: true } }));
    expect(logged.match(/--insecure-ignore-sct/g)).toHaveLength(1);
    expect(patternOf("a.b+(c)")).toBe(String.raw`^(?:a\.b\+\(c\))$`);
  });
});
