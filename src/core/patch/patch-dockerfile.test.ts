import { describe, expect, it } from "vitest";
import { sha256 } from "../../lib/index.ts";
import { patchDockerfile, type PatchDockerfileInput } from "./patch-dockerfile.ts";

const input: PatchDockerfileInput = {
  repository: "registry.example:5000/owner/app",
  digest: sha256("original"),
  manager: "apt",
  packages: [
    { name: "openssl", version: "3.0.22-1~deb12u2" },
    { name: "g++", version: "4:12.2.0-3" },
  ],
};

describe("patchDockerfile", () => {
  it("upgrades exactly the planned versions in one step, and gives the user back", () => {
    const text = patchDockerfile({ ...input, user: "app:app" });
    expect(
      text.startsWith(`FROM registry.example:5000/owner/app@${input.digest}\nUSER 0:0\nRUN apt-get update \\\n`),
    ).toBe(true);
    expect(text).toContain(" g++=4:12.2.0-3 \\\n      openssl=3.0.22-1~deb12u2");
    expect(text).toContain("--no-remove");
    expect(text.endsWith("\nUSER app:app\n")).toBe(true);
    expect(text.match(/^RUN /gm)).toHaveLength(1);
    expect(patchDockerfile(input)).not.toContain("USER");
    expect(patchDockerfile({ ...input, packages: input.packages.toReversed() })).toBe(patchDockerfile(input));
  });

  it("speaks to apk and dnf as they want it", () => {
    expect(patchDockerfile({ ...input, manager: "apk" })).toContain(
      "apk add --no-cache --upgrade \\\n      g++=4:12.2.0-3",
    );
    expect(patchDockerfile({ ...input, manager: "dnf" })).toContain(
      "dnf -y upgrade --setopt=install_weak_deps=False \\\n      g++-4:12.2.0-3",
    );
  });

  it.each<readonly [string, Partial<PatchDockerfileInput>]>([
    ["a name with a command", { packages: [{ name: "a;rm", version: "1" }] }],
    ["a version with a command", { packages: [{ name: "a", version: "1$(rm)" }] }],
    ["a version with a line", { packages: [{ name: "a", version: "1\nRUN x" }] }],
    ["a name that is an option", { packages: [{ name: "-o", version: "1" }] }],
    ["a repository with a line", { repository: "a\nRUN x" }],
    ["a user with a line", { user: "a\nRUN x" }],
    ["nothing", { packages: [] }],
  ])("refuses %s", (_, change) => expect(() => patchDockerfile({ ...input, ...change })).toThrow(RangeError));
});
