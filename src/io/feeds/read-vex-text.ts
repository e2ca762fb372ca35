import { parseOpenVex, type VexStatement } from "../../core/advisory/index.ts";

/** What the text of an OpenVEX document says, and what of it could not be read, one sentence each; `name` is how it is called. What is not read sets nothing aside. */
export function readVexText(
  text: string,
  name: string,
): { readonly statements: readonly VexStatement[]; readonly problems: readonly string[] } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { statements: [], problems: [`the VEX document ${name} is no whole JSON document`] };
  }
  const parsed = parseOpenVex(value);
  if (parsed.kind === "bad") return { statements: [], problems: [`the VEX document ${name}: ${parsed.problem}`] };
  const { statements, bad, problems } = parsed;
  if (bad === 0) return { statements, problems: [] };
  return {
    statements,
    problems: [`the VEX document ${name}: ${bad} statements of it are not read: ${problems[0] ?? ""}`],
  };
}
