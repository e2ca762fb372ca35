/** Weights of the metrics of CVSS 3.0 and 3.1; `PR` weighs more where the scope changes. CVSS 3.1 specification, 7.4. */
const weights: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  AV: { N: 0.85, A: 0.62, L: 0.55, P: 0.2 },
  AC: { L: 0.77, H: 0.44 },
  PR: { N: 0.85, L: 0.62, H: 0.27 },
  UI: { N: 0.85, R: 0.62 },
  C: { H: 0.56, L: 0.22, N: 0 },
  I: { H: 0.56, L: 0.22, N: 0 },
  A: { H: 0.56, L: 0.22, N: 0 },
};
const privilegesOfChanged: Readonly<Record<string, number>> = { N: 0.85, L: 0.68, H: 0.5 };
const longest = 256;

/** The base score of a CVSS 3.0 or 3.1 vector, 0 to 10; undefined for any other text. CVSS 3.1 specification, 7.1. */
export function cvssBaseScore(vector: string): number | undefined {
  if (vector.length > longest || !/^CVSS:3\.[01]\//.test(vector)) return undefined;
  const metrics = new Map(vector.split("/").map((part) => [part.split(":")[0] ?? "", part.split(":")[1] ?? ""]));
  const scope = metrics.get("S");
  if (scope !== "U" && scope !== "C") return undefined;
  const weigh = (metric: string): number => {
    const value = metrics.get(metric) ?? "";
    const table = metric === "PR" && scope === "C" ? privilegesOfChanged : (weights[metric] ?? {});
    return Object.hasOwn(table, value) ? (table[value] ?? Number.NaN) : Number.NaN;
  };
  const lost = 1 - (1 - weigh("C")) * (1 - weigh("I")) * (1 - weigh("A"));
  const impact = scope === "U" ? 6.42 * lost : 7.52 * (lost - 0.029) - 3.25 * (lost - 0.02) ** 15;
  const exploitability = 8.22 * weigh("AV") * weigh("AC") * weigh("PR") * weigh("UI");
  if (Number.isNaN(impact) || Number.isNaN(exploitability)) return undefined;
  if (impact <= 0) return 0;
  return roundUp(Math.min(10, scope === "U" ? impact + exploitability : 1.08 * (impact + exploitability)));
}

/** To one decimal, upwards, free of what binary fractions add. CVSS 3.1 specification, appendix A. */
function roundUp(value: number): number {
  const scaled = Math.round(value * 100_000);
  return scaled % 10_000 === 0 ? scaled / 100_000 : (Math.floor(scaled / 10_000) + 1) / 10;
}
