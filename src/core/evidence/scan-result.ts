import type { Finding } from "../advisory/index.ts";
import type { Instant } from "../../lib/index.ts";
import { time } from "./provenance.ts";
import type { Verifier } from "./verification.ts";

/** What a look through the feeds found on each platform. */
export interface ScanFacts {
  readonly platforms: readonly {
    readonly platform: string;
    /** `unknown` is never clean: `reasons` say what could not be told. */
    readonly state: "known" | "unknown";
    readonly reasons: readonly string[];
    readonly findings: readonly Finding[];
  }[];
  readonly feeds: readonly { readonly name: string; readonly newest: Instant | undefined }[];
  readonly rebuild: string;
  readonly started: Instant;
  readonly finished: Instant;
}

/** A scan as cosign's predicate of vulnerabilities has it, findings by the ids that their feeds give them (OSV's). cosign, COSIGN_VULN_ATTESTATION_SPEC.md. */
export function formatScanResult({ platforms, feeds, rebuild, started, finished }: ScanFacts, scanner: Verifier) {
  const dated = feeds.flatMap(({ newest }) => newest ?? []);
  return {
    invocation: { parameters: [], uri: "", event_id: rebuild, "builder.id": scanner.id },
    scanner: {
      uri: `pkg:generic/tidemill@${encodeURIComponent(scanner.version)}`,
      version: scanner.version,
      db: {
        uri: feeds.map(({ name }) => name).join(" "),
        version: "",
        lastUpdate: dated.length === 0 ? "" : time(Math.max(...dated)),
      },
      result: {
        platforms: platforms.map(({ platform, state, reasons, findings }) => ({
          platform,
          state,
          reasons,
          vulnerabilities: findings
            .map(describeFinding)
            .sort((a, b) => (a.order < b.order ? -1 : 1))
            .map(({ order: _order, ...one }) => one),
        })),
      },
    },
    metadata: { scanStartedOn: time(started), scanFinishedOn: time(finished) },
  };
}

function describeFinding(finding: Finding) {
  const { id, aliases, package: name, version, state, fixed, severity, vex } = finding;
  return {
    order: `${name}\0${id}\0${version}`,
    id,
    aliases: [...aliases].sort(),
    package: name,
    version,
    state,
    fixedVersion: fixed ?? null,
    severity: severity?.level ?? null,
    vex: vex === undefined ? null : { status: vex.status, by: vex.by, reason: vex.reason },
  };
}
