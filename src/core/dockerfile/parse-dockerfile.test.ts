import { describe, expect, it } from "vitest";
import { parseDockerfile } from "./parse-dockerfile.ts";
import type { DockerfileInput } from "./types.ts";

const namesOf = (text: string, input?: DockerfileInput): string[] =>
  parseDockerfile(text, input)
    .images.filter(({ needed }) => needed)
    .map(({ kind, name }) => `${kind} ${name}`);

const failure = (text: string, input?: DockerfileInput): unknown => {
  try {
    parseDockerfile(text, input);
  } catch (error) {
    return error;
  }
  return undefined;
};

describe("the images that a Dockerfile names", () => {
  it.each<[string, string, string[], DockerfileInput?]>([
    ["one base", "FROM debian:12\nRUN true\n", ["from debian:12"]],
    ["lower case, a tab and leading blanks", "  from\tdebian:12\n", ["from debian:12"]],
    [
      "line breaks of Windows",
      "FROM debian:12\r\nCOPY --from=busybox:1 \\\r\n  a b\r\n",
      ["from debian:12", "copy busybox:1"],
    ],
    ["a byte order mark", "\ufeffFROM debian:12", ["from debian:12"]],
    ["a name over two lines", "FROM deb\\\nian:12 \\\n# comment\n\n AS x\n", ["from debian:12"]],
    ["the escape directive", "# escape=`\nFROM deb`\nian:12\nRUN dir C:\\\nFROM c\n", ["from c"]],
    [
      "an escaped escape, which goes on nowhere",
      "FROM a\nRUN dir C:\\\\\nFROM b\nCOPY --from=0 x y",
      ["from a", "from b"],
    ],
    ["nothing", "FROM scratch\nCOPY a b\n", []],
    ["a stage on a stage", "FROM a AS One\nFROM one AS two\nFROM TWO\n", ["from a"]],
    ["only what the target needs", "FROM a AS x\nFROM b AS y\nFROM c\nCOPY --from=y / /\n", ["from b", "from c"]],
    ["only what another target needs", "FROM a AS x\nFROM b AS y\nFROM c\n", ["from a"], { target: "X" }],
    ["a target by number", "FROM a\nFROM b\n", ["from a"], { target: "0" }],
    ["a stage by number", "FROM a\nRUN x\nFROM b\nCOPY --chown=1:1 --from=0 / /\n", ["from a", "from b"]],
    ["a name that becomes a stage only later", "FROM b\nFROM a AS b\nFROM b", ["from a"]],
    ["a stage of the same name as its image", "FROM debian AS debian\nFROM debian\n", ["from debian"]],
    ["ADD --from", "FROM a\nADD --from=b / /\n", ["from a", "add b"]],
    [
      "mounts",
      "FROM a\nRUN --mount=type=bind,from=b:1,target=/b --mount=target=/c,FROM=c,type=bind --network=none x\n",
      ["from a", "mount b:1", "mount c"],
    ],
    ["a mount of a stage", "FROM b AS s\nFROM a\nRUN --mount=from=s,target=/s x\n", ["from b", "from a"]],
    ["no flag behind the arguments", "FROM a\nRUN echo --mount=from=b\nCOPY x --from=c\n", ["from a"]],
    ["the frontend", "# syntax = docker/dockerfile:1\nFROM a\n", ["syntax docker/dockerfile:1", "from a"]],
    ["the frontend behind another directive", "# escape=`\n#Syntax=foo/bar\nFROM a\n", ["syntax foo/bar", "from a"]],
    [
      "the frontend behind a first line for a shell",
      "#!/usr/bin/env x\n# syntax=foo/bar\nFROM a\n",
      ["syntax foo/bar", "from a"],
    ],
    ["a frontend behind a blank, which is none", " # syntax=foo/bar\nFROM a\n", ["from a"]],
    [
      "an escape behind a first line for a shell, which is none",
      "#!/x\n# escape=`\nFROM a\nRUN x `\nFROM b\n",
      ["from b"],
    ],
    ["a comment that is no directive", "# hello\n# syntax=foo/bar\nFROM a\n", ["from a"]],
    [
      "a heredoc",
      "FROM a\nRUN <<EOF\nFROM b\nEOF\nCOPY <<-'X' <<Y /\n\tFROM c\n\tX\nFROM d\nY\nCOPY --from=e / /",
      ["from a", "copy e"],
    ],
    ["a heredoc with a number", "FROM a\nRUN cat 3<<EOF\nFROM b\nEOF\n", ["from a"]],
    [
      "what only looks like a heredoc",
      "FROM a\nRUN cat <<<EOF\nCOPY --from=b / /\nRUN echo 'a <<EOF b' \\<<EOF\nCOPY --from=c / /",
      ["from a", "copy b", "copy c"],
    ],
    ["a heredoc in an ONBUILD", "FROM a\nONBUILD RUN <<EOF\nFROM b\nEOF\n", ["from a"]],
    ["ONBUILD of the image itself", "FROM a\nONBUILD COPY --from=b / /\n", ["from a"]],
    [
      "ONBUILD of a stage that another stands on",
      "FROM a AS x\nONBUILD COPY --from=b / /\nFROM x",
      ["from a", "copy b"],
    ],
  ])("%s", (_, text, expected, input) => expect(namesOf(text, input)).toEqual(expected));

  it.each<[string, string, string, DockerfileInput?]>([
    ["a default", "ARG V=12\nFROM debian:$V", "debian:12"],
    ["defaults that use others", "ARG V=12\nARG I='deb'ian:\"${V}\"\nFROM ${I}-slim", "debian:12-slim"],
    ["a value from outside", "ARG V=12\nFROM debian:$V", "debian:13", { args: { V: "13" } }],
    ["a value for what has no default", "ARG V\nFROM debian:$V", "debian:13", { args: { V: "13" } }],
    ["a value for what is not declared", "FROM debian:${V:-12}", "debian:12", { args: { V: "13" } }],
    ["several at once", 'ARG A=a B="b" C\nFROM $A/$B', "a/b"],
    [":-", "ARG V=\nFROM debian:${V:-12}", "debian:12"],
    ["-", "ARG V=\nFROM debian${V-:12}", "debian"],
    [":+", "ARG V=x\nFROM debian:12${V:+-slim}", "debian:12-slim"],
    [":+ of nothing", "FROM debian:12${V:+-slim$W}", "debian:12"],
    ["one in another", "ARG V=1\nFROM debian:${W:-${V:-2}-x}", "debian:1-x"],
    ["the platform", "FROM base-$TARGETARCH$TARGETVARIANT", "base-armv7", { platform: "linux/arm/v7" }],
    [
      "where it is built",
      "FROM base-${BUILDARCH}",
      "base-amd64",
      { platform: "linux/arm64", buildPlatform: "linux/amd64" },
    ],
    ["an argument that a stage declares does not count", "ARG V=1\nFROM a AS x\nARG V=2\nFROM debian:$V", "debian:1"],
  ])("with %s", (_, text, name, input) => {
    expect(parseDockerfile(text, input).images.at(-1)?.name).toBe(name);
  });

  it("keeps the platform of a FROM, and the place of everything", () => {
    const text = "ARG P=linux/arm64\n\nFROM --platform=$P a:1 AS x\nFROM  b\nCOPY \\\n  --from=c:2 / /\n";
    const { images, base, target } = parseDockerfile(text);
    expect(images.map(({ name, platform, place }) => [name, platform, place.line, place.column])).toEqual([
      ["a:1", "linux/arm64", 3, 20],
      ["b", undefined, 4, 7],
      ["c:2", undefined, 6, 10],
    ]);
    for (const { name, start, end } of images) expect(text.slice(start, end)).toBe(name);
    expect([base?.name, target]).toEqual(["b", 1]);
  });

  it("knows what the image stands on, through its stages", () => {
    const text = "FROM a AS one\nFROM b AS two\nFROM one AS three\nFROM three\nCOPY --from=two / /\n";
    expect(parseDockerfile(text).base?.name).toBe("a");
    expect(parseDockerfile("FROM a AS x\nFROM scratch\nCOPY --from=x / /").base).toBeUndefined();
  });
});

describe("a Dockerfile that cannot be read", () => {
  it.each<[string, string, string, number, RegExp, DockerfileInput?]>([
    ["is empty", "", "BAD_DOCKERFILE", 0, /no FROM/],
    ["holds only comments", "# a\n\n# b", "BAD_DOCKERFILE", 0, /no FROM/],
    ["starts otherwise", "RUN x\nFROM a", "BAD_DOCKERFILE", 1, /before the first FROM/],
    ["has an unknown instruction", "FROM a\nFORM b\n", "BAD_DOCKERFILE", 2, /FORM/],
    ["hides one behind a strange blank", "FROM a\n\u000bFR\u001b[2JOM b\n", "BAD_DOCKERFILE", 2, /\\u\{1b\}/],
    ["has a FROM of nothing", "FROM\n", "BAD_DOCKERFILE", 1, /takes an image/],
    ["has a FROM of too much", "FROM a b", "BAD_DOCKERFILE", 1, /takes an image/],
    ["has an impossible stage", "FROM a AS 1x", "BAD_DOCKERFILE", 1, /name of a stage/],
    ["has an impossible image", "FROM a\nFROM ../Etc", "BAD_DOCKERFILE", 2, /does not name an image/],
    ["has a heredoc without an end", "FROM a\nRUN <<EOF\nFROM b\n", "BAD_DOCKERFILE", 2, /EOF has no end/],
    ["has an impossible escape", "# escape=x\nFROM a", "BAD_DOCKERFILE", 1, /escape/],
    ["has two syntaxes", "# syntax=a\n# syntax=b\nFROM a", "BAD_DOCKERFILE", 2, /second syntax/],
    ["is JSON", '{"syntax":"a"}', "BAD_DOCKERFILE", 1, /unknown instruction/],
    ["has another kind of comment", "// syntax=a\nFROM b", "BAD_DOCKERFILE", 1, /unknown instruction/],
    ["needs a value", "ARG TAG\nFROM debian:$TAG", "NO_VALUE", 2, /TAG/],
    ["needs a value that is not declared", "FROM debian:${NOPE}", "NO_VALUE", 1, /NOPE/],
    ["demands a value", "FROM debian:${V:?which-one}", "BAD_EXPANSION", 1, /which-one/],
    ["has a variable in a form we do not know", "ARG V=a\nFROM ${V//a/b}", "BAD_EXPANSION", 2, /not known/],
    ["has a brace that is not closed", "FROM ${V:-a", "BAD_EXPANSION", 1, /missing/],
    ["has a quote that is not closed", "FROM 'a", "BAD_EXPANSION", 1, /quote/],
    ["nests without end", `FROM ${"${V:-".repeat(500)}`, "BAD_EXPANSION", 1, /nested/],
    ["grows without end", `ARG A=aaaaaaaaaa\n${"ARG A=$A$A$A$A\n".repeat(100)}FROM $A`, "BAD_EXPANSION", 1, /longer/],
    ["copies from a variable", "ARG V=1\nFROM a\nCOPY --from=b:$V / /", "NO_VALUE", 3, /V/],
    ["mounts from a variable", "FROM a\nRUN --mount=from=$V x", "NO_VALUE", 2, /V/],
    ["mounts with quotes", 'FROM a\nRUN --mount="from=b" x', "BAD_DOCKERFILE", 2, /quotes/],
    ["copies from no stage", "FROM a\nCOPY --from=7 / /", "UNKNOWN_STAGE", 2, /stage 7/],
    ["lacks the target", "FROM a AS one\nFROM b AS two", "UNKNOWN_STAGE", 0, /three/, { target: "three" }],
    ["copies from itself", "FROM a AS x\nCOPY --from=x / /", "STAGE_CYCLE", 2, /x → x/],
    ["goes round", "FROM a AS x\nCOPY --from=y / /\nFROM b AS y\nRUN --mount=from=x x", "STAGE_CYCLE", 2, /y → x → y/],
    ["is binary", "FROM a\n\u0000\u0001", "NOT_TEXT", 2, /u\{0\}/],
    ["is no UTF-8", Buffer.from([0x46, 0x52, 0xff, 0xfe]).toString("utf8"), "NOT_TEXT", 1, /text/],
    ["hides a line", "FROM a # \rFROM b", "NOT_TEXT", 1, /u\{d\}/],
    ["is too large", `FROM a\n${"#".repeat(10_000_000)}`, "TOO_LARGE", 0, /bytes/],
    ["has too many instructions", `FROM a\n${"RUN x\n".repeat(20_001)}`, "TOO_LARGE", 20_001, /instructions/],
  ])("%s: a coded error at its place", (_, text, code, line, words, input) => {
    const started = performance.now();
    const error = failure(text, input) as { code: string; message: string; place?: { line: number } };
    expect(error).toMatchObject({ name: "DockerfileError", code });
    expect(error.message).toMatch(words);
    if (code !== "BAD_EXPANSION" || line > 1) expect(error.place?.line ?? 0).toBe(line);
    expect(error.message.length).toBeLessThan(600);
    expect(performance.now() - started).toBeLessThan(2000);
  });

  it("is no trouble where the target does not need what is wrong", () => {
    const text = "FROM debian:$NOPE AS x\nCOPY --from=$Y / /\nFROM a\n";
    expect(namesOf(text)).toEqual(["from a"]);
    expect(failure(text, { target: "x" })).toMatchObject({ code: "NO_VALUE" });
  });

  it.each([
    [
      "a thousand stages",
      Array.from({ length: 1000 }, (_, at) => `FROM ${at === 0 ? "a" : `s${at - 1}`} AS s${at}\n`).join(""),
    ],
    ["ten thousand sources", `FROM a\n${"COPY --from=b / /\n".repeat(10_000)}`],
    ["one line of a megabyte", `FROM a\nRUN ${"x ".repeat(500_000)}`],
    ["a line in a hundred thousand pieces", `FROM a\nRUN ${"x \\\n".repeat(100_000)}x`],
    ["flags without end", `FROM a\nRUN ${'--a="b" '.repeat(100_000)}`],
    ["a mount of many fields", `FROM a\nRUN --mount=${"a=b,".repeat(200_000)}from=b x`],
    ["quotes without end", `FROM a\nRUN ${"'\"".repeat(400_000)} <<EOF`],
    ["dollars without end", `FROM a\nENV A=${"$".repeat(900_000)}`],
  ])("is read in bounded time where it has %s", (_, text) => {
    const started = performance.now();
    failure(text);
    expect(performance.now() - started).toBeLessThan(2000);
  });
});
