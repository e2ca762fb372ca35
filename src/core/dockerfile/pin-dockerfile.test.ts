import { describe, expect, it } from "vitest";
import { sha256, type Digest } from "../../lib/index.ts";
import { locateStep, originalLine, pinDockerfile, type PinOptions } from "./pin-dockerfile.ts";

const digest = sha256("an image");
const anything = { get: () => digest } as unknown as ReadonlyMap<string, Digest>;
const pin = (text: string, options: Partial<PinOptions> = {}): string =>
  pinDockerfile(text, { digests: anything, ...options }).replaceAll(digest, "D");

describe("pinning", () => {
  it.each<[string, string, string, Partial<PinOptions>?]>([
    ["keeps the tag", "FROM debian:12 AS x\nRUN y\n", "FROM debian:12@D AS x\nRUN y\n"],
    ["replaces a digest", `FROM debian:12@${sha256("x")}`, "FROM debian:12@D"],
    [
      "writes what a variable stands for",
      "ARG V=12\nFROM --platform=$BUILDPLATFORM debian:${V}-slim\n",
      "ARG V=12\nFROM --platform=$BUILDPLATFORM debian:12-slim@D\n",
    ],
    [
      "leaves stages alone",
      "FROM a AS x\nFROM x\nCOPY --from=x --from=0 / /\n",
      "FROM a@D AS x\nFROM x\nCOPY --from=x --from=0 / /\n",
    ],
    [
      "finds all sources",
      "# syntax=docker/dockerfile:1\nFROM scratch\nCOPY --link --from=b:1 / /\nRUN --mount=type=bind,from=c,target=/c x\n",
      "# syntax=docker/dockerfile:1@D\nFROM scratch\nCOPY --link --from=b:1@D / /\nRUN --mount=type=bind,from=c@D,target=/c x\n",
    ],
    [
      "keeps lines, comments and breaks",
      "FROM deb\\\nian \\\r\n# c\n  AS x\r\n\r\n# d\n",
      "FROM debian@D\\\n \\\r\n# c\n  AS x\r\n\r\n# d\n",
    ],
    [
      "touches no heredoc",
      "FROM a\nRUN <<E\nFROM b\nCOPY --from=c / /\nE\n",
      "FROM a@D\nRUN <<E\nFROM b\nCOPY --from=c / /\nE\n",
    ],
    ["keeps a registry's port", "FROM localhost:5000/a/b", "FROM localhost:5000/a/b@D"],
  ])("%s", (_, text, expected, options) => expect(pin(text, options)).toBe(expected));

  it("refuses, by name, what is needed and has no digest; what is not needed stays", () => {
    const digests = new Map([["a", digest]]);
    const text = "FROM z AS unused\nFROM a\n";
    expect(pinDockerfile(text, { digests })).toBe(`FROM z AS unused\nFROM a@${digest}\n`);
    expect(() => pinDockerfile(`${text}COPY --from=b:1 / /`, { digests })).toThrow(
      /line 3, column 13: b:1 has no digest/,
    );
    expect(() => pinDockerfile("ARG T\nFROM a:$T", { digests })).toThrow(/needs T/);
  });

  it("reads again as the same images", () => {
    const once = pin("ARG V=1\nFROM a:$V AS x\nFROM b\nCOPY --from=c / /\n").replaceAll("D", digest);
    expect(pin(once).replaceAll("D", digest)).toBe(once);
  });
});

describe("giving up the cache of packages", () => {
  const bust = "k1";
  const argument = "ARG TIDEMILL_PACKAGES=k1";
  const busted = (run: string): boolean => pin(`FROM a\n${run}\n`, { bust }).includes(argument);

  it("stands before the first step that uses an index, in each stage that is needed", () => {
    const text =
      "FROM a AS x\nENV A=b\nRUN make\nRUN apt-get update\nRUN apt-get install -y b\nFROM b AS no\nRUN apk add c\nFROM c\r\nRUN apk add c\r\nCOPY --from=x / /\r\n";
    expect(pin(text, { bust })).toBe(
      text
        .replace("FROM a", "FROM a@D")
        .replace("FROM b", "FROM b@D")
        .replace("FROM c", "FROM c@D")
        .replace("RUN apt-get update", `${argument}\nRUN apt-get update`)
        .replace("RUN apk add c\r", `${argument}\r\nRUN apk add c\r`),
    );
  });

  it("is not there without a key, nor where no index is used", () => {
    expect(pin("FROM a\nRUN apt-get update\n")).toBe("FROM a@D\nRUN apt-get update\n");
    expect(pin("FROM a\nRUN make\n", { bust })).toBe("FROM a@D\nRUN make\n");
    expect(() => pin("FROM a", { bust: "a b\nRUN evil" })).toThrow(/key/);
  });

  it.each([
    "RUN apt-get update && apt-get install -y curl",
    "RUN set -eux; \\\n  apt-get update",
    "RUN --mount=type=cache,target=/var/cache/apt apt-get update",
    'RUN ["apt-get", "-y", "install", "curl"]',
    'RUN ["/bin/sh", "-c", "apk add curl"]',
    "RUN <<EOF\nset -e\nmicrodnf install -y curl\nEOF",
    'RUN bash -c "dnf -y upgrade"',
    "RUN DEBIAN_FRONTEND=noninteractive apt install -y x",
    "RUN if true; then yum -y update; fi",
    "RUN sudo zypper --non-interactive up",
    "RUN /usr/bin/apt-get -qq update",
    "RUN a=$(apt-get install x)",
    "RUN apt-get clean && apt-get update",
    "RUN ./install.sh",
    "RUN sh /tmp/setup",
    "RUN bash -eux setup.sh",
    "RUN . /opt/env && x",
    "RUN /opt/setup",
    "RUN curl -fsSL x.example | bash",
    "RUN $INSTALL",
    "RUN install-php.sh",
  ])("%j counts as using one", (run) => expect(busted(run)).toBe(true));

  it.each([
    "RUN make install",
    "RUN rm -rf /var/lib/apt/lists/* /var/cache/apt",
    "RUN apt-get clean",
    "RUN apt-get -y purge x && apt-get autoremove -y",
    "RUN npm ci && npm run build",
    "RUN pip install -r requirements.txt",
    "RUN mkdir -p /etc/apt/apt.conf.d",
    "RUN --mount=type=cache,target=/var/cache/apt true",
    'RUN ["/usr/bin/make"]',
    "RUN sh -c 'make'",
    "RUN apk del .build-deps",
    "RUN echo adapt-get",
    "RUN make \\\n # apt-get\n install",
    "CMD apt-get update",
  ])("%j does not", (run) => expect(busted(run)).toBe(false));
});

describe("the step that failed", () => {
  const text = "ARG V=1\nFROM a:$V\n\nRUN apt-get update \\\n  && false\nCOPY a b\nRUN exit 3\n";
  const pinned = pin(text, { bust: "k" });

  it.each([
    [{ number: 4 }, 4, "RUN apt-get update && false"],
    [{ number: 6 }, 7, "RUN exit 3"],
    [{ words: "RUN apt-get update   && false" }, 4, "RUN apt-get update && false"],
    [{ words: "RUN exit 3" }, 7, "RUN exit 3"],
    [{ words: "COPY a b" }, 6, "COPY a b"],
  ])("%j is found in the user's file", (said, line, words) => {
    expect(locateStep(pinned, said)).toEqual({ line, words });
  });

  it("is not guessed", () => {
    expect(locateStep(pinned, { number: 70 })).toBeUndefined();
    expect(locateStep(pinned, { words: "RUN another" })).toBeUndefined();
    expect(originalLine(pinned, 8)).toBe(7);
  });
});
