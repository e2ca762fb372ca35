import { DockerfileParser } from "dockerfile-ast";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readInstructions } from "./read-instructions.ts";

const word = fc.stringMatching(/^[a-z][a-z0-9./:=_-]{0,12}$/);
const gap = fc.constantFrom(" ", "  ", "\t", " \\\n  ", " \\\n# a comment\n", " \\\n\n", " \\  \n");
const ending = fc.constantFrom("\n", "\n\n", "\n# FROM nothing\n", "\r\n");
const words = fc
  .array(fc.tuple(gap, word), { minLength: 1, maxLength: 5 })
  .map((pairs) => pairs.map(([before, text], at) => (at === 0 ? " " : before) + text).join(""));
const plain = fc
  .tuple(fc.constantFrom("RUN", "run", "COPY", "ENV", "LABEL", "CMD", "WORKDIR", "Arg"), words, ending)
  .map((parts) => parts.join(""));
const heredoc = fc
  .tuple(fc.constantFrom("RUN", "COPY"), fc.constantFrom("EOF", "'E'", '"E"'), fc.array(word, { maxLength: 3 }))
  .map(
    ([keyword, name, lines]) =>
      `${keyword} <<${name} x\n${lines.map((line) => `FROM ${line}\n`).join("")}${name.replaceAll(/['"]/g, "")}\n`,
  );
const from = fc.tuple(word, ending).map(([image, end]) => `FROM ${image}${end}`);
const dockerfile = fc
  .array(fc.oneof(plain, heredoc, from), { minLength: 1, maxLength: 12 })
  .map((parts) => `FROM a\n${parts.join("")}`);

describe("an ordinary Dockerfile", () => {
  it("is cut into instructions as another reader of Dockerfiles cuts it", () => {
    fc.assert(
      fc.property(dockerfile, (text) => {
        const file = readInstructions(text);
        const ours = file.instructions.map(({ keyword, start }) => `${file.placeOf(start).line} ${keyword}`);
        const theirs = DockerfileParser.parse(text)
          .getInstructions()
          .map((each) => `${each.getRange().start.line + 1} ${each.getKeyword()}`);
        expect(ours).toEqual(theirs);
      }),
      { numRuns: 500 },
    );
  });
});
