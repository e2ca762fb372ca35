import { describe, expect } from "vitest";
import { needs } from "../../../test/needs.ts";
import { answerOf, differences, findPeer } from "./testdata/peers.ts";
import { hasRanges, randomOrders, randomRanges, type AlphabetName } from "./testdata/random-questions.ts";

const count = 10_000;

/** Formats whose own tool can be had on Debian. apk, NuGet and cargo are compared by `scripts/compare-versions.ts`, where their tools are. */
const names: readonly AlphabetName[] = ["deb", "rpm", "npm", "pypi", "golang", "go", "maven", "gem", "composer"];

describe.each(names)("%s, asked 10,000 random questions", (name) => {
  const peer = findPeer(name);
  const test = needs(peer.missing);

  test(`orders versions as ${peer.tool} does`, () => {
    const questions = [...randomOrders(name, count)];
    // A generator that makes nothing but rubbish would pass.
    expect(new Set(questions.map((one) => answerOf(name, one)))).toEqual(new Set(allAnswers(name)));
    expect(differences(name, peer, questions)).toEqual([]);
  }, 180_000);

  if (!hasRanges(name)) return;
  test(`has the same versions in ranges as ${peer.tool}`, () => {
    const questions = [...randomRanges(name, count)];
    const answers = questions.map((one) => answerOf(name, one));
    for (const answer of ["in", "out"]) {
      expect(answers.filter((one) => one === answer).length).toBeGreaterThan(count / 20);
    }
    expect(differences(name, peer, questions)).toEqual([]);
  }, 180_000);
});

function allAnswers(name: AlphabetName): string[] {
  // rpm takes everything, and Maven all that is not too long.
  return name === "rpm" || name === "maven" ? ["<", "=", ">"] : ["<", "=", ">", "?"];
}
