import type { SeverityLevel } from "./types.ts";

/** By when an exposure has to be closed. What is not said matches everything. */
export interface SloRule {
  /** Whose rule it is: the name of a preset, or `own`. */
  readonly framework: Framework;
  readonly name: string;
  readonly severity?: readonly SeverityLevel[] | undefined;
  /** Only what is, or is not, known to be exploited. */
  readonly exploited?: boolean | undefined;
  readonly environments?: readonly string[] | undefined;
  /** Of the image: all of them have to be there. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** What the clock starts with; it never starts before the exposure was detected. `kev-due`: the date in CISA's catalogue, whenever that was. */
  readonly from: "published" | "fix-available" | "detected" | "kev-due";
  /** Milliseconds; of `kev-due` what counts from the detection where the catalogue has no date. */
  readonly within: number;
}

export const presetNames = ["kev", "fedramp", "pci-dss-4", "cra", "chainguard"] as const;
export type PresetName = (typeof presetNames)[number];
/** Who sets a deadline: a preset, or the rules of the configuration. */
export const frameworks = [...presetNames, "own"] as const;
export type Framework = (typeof frameworks)[number];

const day = 86_400_000;
/** What nobody has rated may be bad: it counts as high. */
const high: readonly SeverityLevel[] = ["high", "unknown"];

/** What others demand, or promise, with where they say so. `docs/exposure.md` has the same table. */
export const presets: Readonly<
  Record<PresetName, { readonly title: string; readonly source: string; readonly rules: readonly SloRule[] }>
> = {
  kev: {
    title: "CISA KEV",
    source: "CISA Binding Operational Directive 22-01, due dates of the Known Exploited Vulnerabilities catalogue",
    rules: [{ framework: "kev", name: "exploited", exploited: true, from: "kev-due", within: 14 * day }],
  },
  fedramp: {
    title: "FedRAMP",
    source: "FedRAMP Continuous Monitoring: critical and high within 30 days of discovery, moderate 90, low 180",
    rules: [
      { framework: "fedramp", name: "high", severity: ["critical", ...high], from: "detected", within: 30 * day },
      { framework: "fedramp", name: "moderate", severity: ["medium"], from: "detected", within: 90 * day },
      { framework: "fedramp", name: "low", severity: ["low"], from: "detected", within: 180 * day },
    ],
  },
  "pci-dss-4": {
    title: "PCI DSS 4.0",
    source: "PCI DSS 4.0, requirement 6.3.3: critical and high-security patches within one month of release",
    rules: [
      {
        framework: "pci-dss-4",
        name: "critical or high",
        severity: ["critical", ...high],
        from: "fix-available",
        within: 30 * day,
      },
    ],
  },
  cra: {
    title: "EU CRA practice",
    source:
      "Regulation (EU) 2024/2847, Annex I part II (2) and Article 14(2): without delay, the final report within 14 days of a corrective measure. It names no other days: those here are practice, not law",
    rules: [
      { framework: "cra", name: "exploited", exploited: true, from: "fix-available", within: 14 * day },
      {
        framework: "cra",
        name: "critical or high",
        severity: ["critical", ...high],
        from: "fix-available",
        within: 30 * day,
      },
      { framework: "cra", name: "others", severity: ["medium", "low"], from: "fix-available", within: 90 * day },
    ],
  },
  chainguard: {
    title: "Chainguard's published terms",
    source:
      "Chainguard's CVE remediation terms: critical within 7 days of a public fix, high, medium and low within 14",
    rules: [
      { framework: "chainguard", name: "critical", severity: ["critical"], from: "fix-available", within: 7 * day },
      {
        framework: "chainguard",
        name: "others",
        severity: [...high, "medium", "low"],
        from: "fix-available",
        within: 14 * day,
      },
    ],
  },
};
