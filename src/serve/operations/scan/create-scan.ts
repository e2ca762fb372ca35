import {
  applyOwnStatements,
  applyVex,
  keysOf,
  matchAdvisories,
  type AdvisoryIndex,
  type AdvisoryReport,
  type Finding,
  type OwnStatement,
  type VexStatement,
} from "../../../core/advisory/index.ts";
import {
  applyIgnores,
  compareScans,
  createPlatform,
  failOnWords,
  formatJunit,
  formatMarkdown,
  formatSarif,
  judgeScan,
  loadCyclonedx,
  parseFailOn,
  parseIgnoreFile,
  type FailRule,
  type IgnoreEntry,
  type JudgedScan,
  type ScanComparison,
  type ScanReport,
} from "../../../core/report/index.ts";
import { parsePlatform } from "../../../core/image/index.ts";
import type { Inventory } from "../../../core/inventory/index.ts";
import {
  createDemands,
  createLockDemands,
  createLoneRemedies,
  noDemands,
  type Remedy,
} from "../../../core/remedy/index.ts";
import type { Clock, Instant } from "../../../lib/index.ts";
import { OperationError, type OperationHandlers, type OperationRequest, type Scan } from "../../../operation/index.ts";
import { readVexText } from "../../../io/feeds/index.ts";
import { describeScan } from "./describe-scan.ts";
import { readAttachedVex } from "./read-attached-vex.ts";
import { readSubject, type ReadPlatform, type ReadSubject, type SubjectDeps } from "./read-subject.ts";
import type { ScanKnowledge } from "./load-scan-feeds.ts";

export interface ScanDeps extends SubjectDeps {
  readonly clock: Clock;
  readonly version: string;
  /** What people, and the documents of the configuration, say of vulnerabilities. */
  readonly said: () => Promise<SaidOfAll>;
  /** What the feeds of the configuration and those at `locations` know. */
  readonly knowledge: (locations: readonly string[], signal?: AbortSignal) => Promise<ScanKnowledge>;
}

/** What is said of vulnerabilities whatever is looked at. */
export interface SaidOfAll {
  readonly own: readonly OwnStatement[];
  readonly documents: readonly VexStatement[];
  /** The image of the fleet that a subject is, by its name or its repository. */
  readonly imageOf: (subject: string) => string | undefined;
  readonly notes: readonly string[];
}

type Request = OperationRequest<"scan">;

/**
 * What is wrong with what any subject holds, and what cures it. Throws BAD_INPUT for rules, ignore files and documents that cannot be read, UNSUPPORTED for files where they are not looked at,
 * and what reading a subject throws.
 */
export function createScan(deps: ScanDeps): OperationHandlers["scan"] {
  const { clock, localFiles, knowledge, signal } = deps;
  return async (request) => {
    const rules = request.failOn.map(ruleOf);
    const ignores = ignoresOf(request);
    if (!localFiles && request.feeds.length > 0)
      throw new OperationError("UNSUPPORTED", "scan: a server asks the feeds of its configuration only", {
        hint: "`tidemill scan --feed` itself reads any feed.",
      });
    const files = request.vex.map(({ name, text }) => readVexText(text, name));
    const [bad] = files.flatMap(({ problems }) => problems);
    if (bad !== undefined)
      throw new OperationError("BAD_INPUT", `--vex: ${bad}`, { hint: "It takes OpenVEX in JSON." });
    const [read, before, known, said] = await Promise.all([
      readSubject("scan", request.subject, request.platform, deps),
      request.against === undefined ? undefined : readSubject("scan", request.against, request.platform, deps),
      knowledge(request.feeds, signal),
      deps.said(),
    ]);
    const now = clock.now();
    const reportOf = async (subject: ReadSubject): Promise<ScanReport> => {
      const attached = await readAttachedVex(subject, deps.registries, signal);
      const documents = [...said.documents, ...attached.statements, ...files.flatMap(({ statements }) => statements)];
      const created = await createReport(subject, known, { ...said, documents }, now);
      return applyIgnores({ ...created, notes: [...said.notes, ...attached.notes] }, ignores, now);
    };
    const report = await reportOf(read);
    const older = before === undefined ? undefined : await reportOf(before);
    const found = older === undefined ? undefined : compareScans(older, report);
    const only = request.onlyNew && found !== undefined ? { only: new Set(found.added) } : {};
    const verdict = judgeScan(report, { rules, allowUnknown: request.allowUnknown, ...only }, now);
    const judged: JudgedScan = { report, verdict, version: deps.version };
    const comparison = older === undefined || found === undefined ? undefined : { before: older, found };
    return describeScan(judged, comparison, await documentsOf(request.formats, judged, found));
  };
}

async function createReport(read: ReadSubject, known: ScanKnowledge, said: SaidOfAll, at: number): Promise<ScanReport> {
  const { subject, platforms } = read;
  return {
    subject,
    at,
    feeds: known.feeds,
    notes: [],
    platforms: await Promise.all(
      platforms.map(async (one) => {
        const { platform, inventory } = one;
        const index = await known.lookup(keysOf(inventory));
        return createPlatform({
          platform,
          inventory,
          advisories: withVex(lookUp(inventory, index, known), inventory, read, said, at),
          remedyOf: remediesOf(subject.name, one, index, at),
        });
      }),
    ),
  };
}

function lookUp(
  inventory: Inventory,
  index: AdvisoryIndex | undefined,
  { doubts, signals }: Pick<ScanKnowledge, "doubts" | "signals">,
): AdvisoryReport {
  const found = matchAdvisories(inventory, index, undefined, signals);
  const reasons = [...new Set([...found.reasons, ...doubts])];
  return { ...found, state: reasons.length === 0 ? found.state : "unknown", reasons };
}

/** The findings with what documents and people say of them. */
function withVex(
  report: AdvisoryReport,
  inventory: Inventory,
  { subject, digests, repository }: ReadSubject,
  { own, documents, imageOf }: SaidOfAll,
  now: Instant,
): AdvisoryReport {
  const place = repository === undefined ? [] : [`${repository.registry}/${repository.repository}`];
  const about = { digests, repositories: place, inventory };
  const image = imageOf(place[0] ?? subject.name) ?? imageOf(subject.name);
  return { ...report, findings: applyOwnStatements(applyVex(report.findings, documents, about, now), own, image, now) };
}

/** What would cure each finding; without an index there is none. */
function remediesOf(
  name: string,
  { platform, inventory, tree, locks = [] }: ReadPlatform,
  index: AdvisoryIndex | undefined,
  now: Instant,
): (finding: Finding) => Remedy {
  if (index === undefined) return () => ({ kind: "wait-upstream", since: undefined, reason: "no feed" });
  const architecture = platform === undefined ? undefined : parsePlatform(platform).architecture;
  const byTree = tree === undefined ? undefined : createDemands(tree, architecture);
  const byLocks = createLockDemands(locks);
  return createLoneRemedies({
    now,
    name,
    inventory,
    index,
    layers: tree?.layers ?? [],
    demandsOf: (finding) => byLocks(finding) ?? byTree?.(finding) ?? noDemands,
  });
}

async function documentsOf(
  formats: Request["formats"],
  judged: JudgedScan,
  comparison: ScanComparison | undefined,
): Promise<Scan["documents"]> {
  const has = (format: Request["formats"][number]): boolean => formats.includes(format);
  return {
    sarif: has("sarif") ? formatSarif(judged) : null,
    cyclonedx: has("cyclonedx") ? (await loadCyclonedx()).formatCyclonedxScan(judged) : null,
    junit: has("junit") ? formatJunit(judged) : null,
    markdown: has("markdown") ? formatMarkdown(judged, comparison) : null,
  };
}

function ruleOf(text: string): FailRule {
  const parsed = parseFailOn(text);
  if (parsed.kind === "ok") return parsed.rule;
  throw new OperationError("BAD_INPUT", `--fail-on ${text}: ${parsed.message}`, {
    hint: `Known are ${failOnWords}; commas between them mean that all must hold.`,
  });
}

function ignoresOf({ ignore, ignoreFile }: Request): IgnoreEntry[] {
  const named = ignore.map(({ id, reason, until, by }): IgnoreEntry => ({
    id,
    reason,
    by,
    until: until === undefined ? undefined : Date.parse(until),
    package: undefined,
    version: undefined,
    path: undefined,
  }));
  if (ignoreFile === undefined) return named;
  const parsed = parseIgnoreFile(ignoreFile.text, ignoreFile.name);
  if (parsed.kind === "ok") return [...parsed.entries, ...named];
  const lines = parsed.mistakes.map(({ line, column, message }) => `${ignoreFile.name}:${line}:${column}: ${message}`);
  throw new OperationError("BAD_INPUT", lines.join("\n"), {
    hint: "It is a list `ignore:` of `id`, `reason` and, where they matter, `package`, `version`, `path`, `until`, `by`.",
  });
}
