import { describe, expect, it } from "vitest";
import { secretForms } from "../../../lib/index.ts";
import { createBuildLog, type BuildLog } from "./build-log.ts";

function logOf(secrets: readonly string[] = [], limit = 1_000_000): { lines: string[]; log: BuildLog } {
  const lines: string[] = [];
  return { lines, log: createBuildLog((line) => lines.push(line), limit, secrets) };
}

describe("what a build says", () => {
  it("comes in lines, whatever its pieces are, also where a character is cut", () => {
    const { lines, log } = logOf();
    const stream = log.stream();
    for (const byte of Buffer.from("one\ntwo\r\n50%\r100%\nß€\nlast")) stream.write(Buffer.from([byte]));
    stream.end();
    expect(lines).toEqual(["one", "two", "50%", "100%", "ß€", "last"]);
  });

  it("cannot reach a terminal", () => {
    const { lines, log } = logOf();
    const stream = log.stream();
    stream.write(Buffer.from("\u001b[2Jgone\u0007 \u202eevil\u009b31m\n"));
    stream.end();
    expect(lines).toEqual(["\\u{1b}[2Jgone\\u{7} \\u{202e}evil\\u{9b}31m"]);
  });

  it("is passed on up to the limit; the last lines are kept all the same", () => {
    const { lines, log } = logOf([], 30);
    const stream = log.stream();
    for (let each = 0; each < 1000; each += 1) stream.write(Buffer.from(`line ${each}\n`));
    stream.end();
    log.close();
    expect(lines).toEqual(["line 0", "line 1", "line 2", "line 3", "… 8.9 kB of output were left out"]);
    expect(log.tail().at(-1)).toBe("line 999");
    expect(log.tail().length).toBeLessThanOrEqual(30);
  });

  it("has no secret in it: not itself, not a line of it, not as Base64, not over two pieces or the end of a long line", () => {
    const secret = "-----BEGIN KEY-----\nabcdefghij\nklmnopqrst\n-----END KEY-----\n";
    const token = "tok-0123456789";
    const { lines, log } = logOf([secret, token]);
    const stream = log.stream();
    stream.write(Buffer.from("x abcde"));
    stream.write(Buffer.from(`fghij y\nklmnopqrst\n${Buffer.from(token).toString("base64")}\n`));
    stream.write(Buffer.from("z".repeat(8190)));
    stream.write(Buffer.from(`${token}${"z".repeat(9000)}${token}\n`));
    stream.end();
    const all = lines.join("\n");
    expect(all).not.toMatch(/abcdefghij|klmnopqrst|tok-0123456789|dG9rLTAx/);
    expect(lines.slice(0, 3)).toEqual(["x *** y", "***", "***"]);
    expect(all.replaceAll(/[^z]/g, "").length).toBe(8190 + 9000);
  });

  it("with a line without end takes bounded memory", () => {
    const { lines, log } = logOf();
    const stream = log.stream();
    for (let each = 0; each < 200; each += 1) stream.write(Buffer.alloc(65_536, "y"));
    stream.end();
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(8192);
  });

  it("with a secret that is too short to hide is not made unreadable by it", () => {
    expect(secretForms(["ab", ""])).toEqual([]);
  });
});
