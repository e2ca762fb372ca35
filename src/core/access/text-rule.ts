import { compilePattern, PatternError } from "../base/index.ts";

/** What a text has to be: this one, whole, or one that the pattern matches whole, in linear time (ADR 21). */
export type TextRule = string | { readonly pattern: string };

/** Texts are at most 2,000 characters and patterns 1,000 places: what no honest pair of them needs. */
const mostSteps = 4_000_000;

/** Whether `text` is what a rule says. A pattern that cannot be used matches nothing. */
export function matchesText(rule: TextRule, text: string): boolean {
  if (typeof rule === "string") return rule === text;
  try {
    return compilePattern(rule.pattern).match(text, { steps: mostSteps }) !== undefined;
  } catch (error) {
    if (error instanceof PatternError) return false;
    throw error;
  }
}

/** Why the pattern of a rule cannot be used, as a sentence's end; undefined where it can, or where there is none. */
export function checkTextRule(rule: TextRule): string | undefined {
  if (typeof rule === "string") return undefined;
  try {
    compilePattern(rule.pattern);
    return undefined;
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    return `the pattern "${rule.pattern.slice(0, 100)}" cannot be used: ${error.message}`;
  }
}
