import type { OwnStatement } from "../advisory/index.ts";
import type { Cause } from "../plan/index.ts";
import type { ScanPackage } from "../report/index.ts";
import { canonicalJson, digestHex, sha256, type Digest, type Instant } from "../../lib/index.ts";
import { time } from "./provenance.ts";
import { digestSet } from "./statement.ts";

export interface VexFacts {
  readonly image: string;
  readonly digest: Digest;
  readonly packages: readonly ScanPackage[];
  /** What people say of vulnerabilities in it, those that count now. */
  readonly said: readonly OwnStatement[];
  /** Why it was rebuilt: what feeds say that this closes is fixed. */
  readonly causes: readonly Cause[];
  readonly author: string;
  readonly at: Instant;
}

interface Statement {
  readonly vulnerability: { readonly name: string };
  readonly timestamp: string;
  readonly products: readonly unknown[];
  readonly status: OwnStatement["status"];
  readonly justification?: string;
  readonly impact_statement?: string;
  readonly action_statement?: string;
  readonly status_notes?: string;
}

/** An OpenVEX document of what does not matter in a digest, and of what its rebuild fixed; undefined where there is nothing to say, for a document needs a statement. OpenVEX 0.2.0. */
export function formatVex(facts: VexFacts) {
  const product = (subcomponents: readonly string[]) => ({
    "@id": `pkg:oci/${encodeURIComponent(facts.image.slice(facts.image.lastIndexOf("/") + 1))}@${facts.digest.replace(":", "%3A")}`,
    hashes: { "sha-256": digestSet(facts.digest)["sha256"] ?? digestHex(facts.digest) },
    ...(subcomponents.length === 0 ? {} : { subcomponents: subcomponents.map((id) => ({ "@id": id })) }),
  });
  const statements = [
    ...facts.said.flatMap((one): Statement[] => {
      const parts = one.package === undefined ? [] : purlsOf(facts.packages, one.package);
      // What is said of a package that is not in it is not about it.
      if (one.package !== undefined && parts.length === 0) return [];
      return [{ ...sayOwn(one), products: [product(parts)] }];
    }),
    ...fixedOf(facts).map(([name, parts]): Statement => ({
      vulnerability: { name },
      timestamp: time(facts.at),
      products: [product(parts)],
      status: "fixed",
    })),
  ];
  if (statements.length === 0) return undefined;
  const sorted = statements
    .map((one) => ({ one, order: canonicalJson(one) }))
    .sort((a, b) => (a.order < b.order ? -1 : 1))
    .map(({ one }) => one);
  const body = {
    "@context": "https://openvex.dev/ns/v0.2.0",
    author: facts.author,
    timestamp: time(facts.at),
    version: 1,
    tooling: "tidemill",
    statements: sorted,
  };
  return { ...body, "@id": `https://openvex.dev/docs/public/vex-${digestHex(sha256(canonicalJson(body)))}` };
}

/** OpenVEX 0.2.0, Status Labels: each asks for words of its own. */
function sayOwn({ vulnerability, status, justification, reason, at }: OwnStatement): Omit<Statement, "products"> {
  const common = { vulnerability: { name: vulnerability }, timestamp: time(at), status };
  if (status === "not_affected")
    return { ...common, ...(justification === undefined ? {} : { justification }), impact_statement: reason };
  return status === "affected" ? { ...common, action_statement: reason } : { ...common, status_notes: reason };
}

/** The packages of this name, of this source, or of this purl. */
function purlsOf(packages: readonly ScanPackage[], name: string): string[] {
  const isMeant = (one: ScanPackage): boolean =>
    name.startsWith("pkg:")
      ? one.purl === name || one.purl.startsWith(`${name}@`) || one.purl.startsWith(`${name}?`)
      : one.name === name || one.source === name;
  return [...new Set(packages.filter(isMeant).map(({ purl }) => purl))].sort();
}

/** What feeds say that the rebuild closed, with the packages that brought it. */
function fixedOf({ causes, packages }: VexFacts): [string, string[]][] {
  const found = new Map<string, Set<string>>();
  for (const cause of causes) {
    if (cause.kind !== "package") continue;
    const parts = packages.filter((one) =>
      cause.packages.some(({ name, to }) => one.name === name && one.version === to),
    );
    for (const id of cause.confirmed ?? []) {
      const known = found.get(id) ?? new Set<string>();
      for (const { purl } of parts) known.add(purl);
      found.set(id, known);
    }
  }
  return [...found]
    .map(([id, parts]): [string, string[]] => [id, [...parts].sort()])
    .filter(([, parts]) => parts.length > 0);
}
