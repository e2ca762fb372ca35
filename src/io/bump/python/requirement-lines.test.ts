import { describe, expect, it } from "vitest";
import { moveRequirement, readRequirementLines } from "./requirement-lines.ts";

const moves = [{ from: "3.6", to: "3.7" }];
const hash = (letter: string): string => `sha256:${letter.repeat(64)}`;

describe("a line of requirements", () => {
  it.each([
    ["idna==3.6", "idna==3.7"],
    [
      "# idna==3.6\nidna == 3.6  # keep idna==3.6\nother==3.6\n",
      "# idna==3.6\nidna == 3.7  # keep idna==3.6\nother==3.6\n",
    ],
    [
      'IDNA[all]===3.6 ; python_version < "3.6"\r\nidna==3.5\r\n',
      'IDNA[all]===3.7 ; python_version < "3.6"\r\nidna==3.5\r\n',
    ],
    ["idna \\\n  ==3.6\n", "idna \\\n  ==3.6\n"],
    ["idna==3.6,<4\nidna==3.*\nidna>=3.6\n", "idna==3.6,<4\nidna==3.*\nidna>=3.6\n"],
    [
      `idna==3.6 ; os_name == "nt" \\\r\n    --hash=${hash("a")} \\\r\n    --hash=${hash("b")}  # both\r\nx==1 --hash=${hash("c")}`,
      `idna==3.7 ; os_name == "nt" \\\r\n    --hash=${hash("d")} \\\r\n    --hash=${hash("e")}  # both\r\nx==1 --hash=${hash("c")}`,
    ],
    [`idna==3.6 \\\n\t--hash=${hash("a")}\n`, `idna==3.7 \\\n\t--hash=${hash("d")} \\\n\t--hash=${hash("e")}\n`],
    [`idna==3.6 --hash=${hash("a")}`, `idna==3.7 --hash=${hash("d")} --hash=${hash("e")}`],
  ])("%j is %j, and nothing else differs", (before, after) => {
    expect(moveRequirement(before, "idna", moves, () => [hash("d"), hash("e")])).toBe(after);
  });

  it("with checksums is refused where the new ones are not known", () => {
    expect(moveRequirement(`idna==3.6 --hash=${hash("a")}`, "idna", moves, () => undefined)).toEqual({
      refused: "there are no checksums of idna 3.7",
    });
  });

  it.each([
    "-e .",
    "--index-url https://evil.example/",
    "git+https://evil.example/x",
    "x @ https://evil.example/x.whl",
    "./x.whl",
    "../x",
    "/x.whl",
    "file:///x",
    "x==1 --global-option=x",
    "x==1 --config-settings=a=b",
    "$(touch /tmp/x)",
    "x==1 ; `id`",
    `x${" ".repeat(5000)}y`,
    "(".repeat(4000),
    "--hash=sha256:00",
  ])("that could reach out or run code is told apart: %j", (line) => {
    expect(readRequirementLines(line).map(({ kind }) => kind)).toEqual(["other"]);
  });

  it("points to other files", () => {
    expect(readRequirementLines("-r base.txt\n--constraint=../c.txt\n-rx.txt")).toEqual([
      { kind: "file", path: "base.txt", isConstraint: false },
      { kind: "file", path: "../c.txt", isConstraint: true },
      { kind: "other", text: "-rx.txt" },
    ]);
  });

  it("is read in time, whatever it is", () => {
    const started = performance.now();
    for (const one of ["x==1 \\\n", "x ==", "--hash=", " ,", "x[", '";'])
      moveRequirement(one.repeat(100_000), "x", [{ from: "1", to: "2" }], () => []);
    expect(performance.now() - started).toBeLessThan(5000);
  });
});
