import { describe, expect, it } from "vitest";
import { parseDockerfile } from "./parse-dockerfile.ts";
import { renewedPackages } from "./renewed-packages.ts";

const renews = (text: string, name: string, target?: string): boolean =>
  renewedPackages(parseDockerfile(text, target === undefined ? {} : { target }))(name);

describe("renewedPackages", () => {
  it.each([
    "RUN apt-get update && apt-get -y upgrade",
    "RUN apt-get update \\\n  && apt-get dist-upgrade -y",
    "RUN <<EOF\nset -e\napt full-upgrade -y\nEOF",
    "RUN apk --no-cache upgrade",
    "RUN dnf -y update && dnf clean all",
    "RUN zypper --non-interactive up",
  ])("are all where the build upgrades: %s", (run) => {
    expect(renews(`FROM debian:12\n${run}\n`, "libssl3")).toBe(true);
  });

  it.each([
    ["RUN apt-get update && apt-get install -y --no-install-recommends openssl curl=7.88", "openssl", true],
    ["RUN apt-get update && apt-get install -y --no-install-recommends openssl curl=7.88", "libssl3", false],
    ["RUN echo openssl", "openssl", false],
    ["RUN apt-get update; echo upgrade", "libssl3", false],
    ["COPY openssl /", "openssl", false],
  ])("are those that it asks for: %s, %s: %s", (run, name, expected) => {
    expect(renews(`FROM debian:12\n${run}\n`, name)).toBe(expected);
  });

  it("counts the stages below the target, and no other", () => {
    const text =
      "FROM debian:12 AS a\nRUN apt-get -y upgrade\nFROM debian:12 AS b\nRUN apt-get install git\nFROM a AS c\n";
    expect(renews(text, "zlib1g", "c")).toBe(true);
    expect(renews(text, "zlib1g", "b")).toBe(false);
    expect(renews(text, "git", "b")).toBe(true);
  });
});
