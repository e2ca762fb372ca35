import { z } from "zod";
import type { Instant } from "../../lib/index.ts";
import { checkShape } from "./check-shape.ts";
import type { VexStatus } from "./types.ts";

/** What a statement is about: an image or a package, and what of it. */
export interface VexProduct {
  /** purls and other ids that name it. */
  readonly ids: readonly string[];
  /** Digests of it, `sha256:…`. */
  readonly digests: readonly string[];
  /** purls of the parts of it that the statement is about; none where it is about all of it. */
  readonly subcomponents: readonly string[];
}

/** One statement: whether a vulnerability matters in some products. */
export interface VexStatement {
  /** All names of the vulnerability. */
  readonly vulnerabilities: readonly string[];
  readonly products: readonly VexProduct[];
  readonly status: VexStatus;
  /** The justification, else what it says of impact or action. */
  readonly reason: string;
  readonly author: string;
  readonly timestamp: Instant | undefined;
  /** When it ends. Our extension: `tidemill_expires` of a statement. */
  readonly expires: Instant | undefined;
}

export type ParsedVex =
  | {
      readonly kind: "statements";
      readonly statements: readonly VexStatement[];
      readonly bad: number;
      /** The first few statements that were set aside, one sentence each. */
      readonly problems: readonly string[];
    }
  | { readonly kind: "bad"; readonly problem: string };

const most = { statements: 50_000, products: 10_000, names: 1000 };
const mostProblems = 20;
const longestReason = 2000;
const name = z.string().min(1).max(2048);
const text = z.string().max(65_536);
const time = z.string().max(64);
const justification = z.enum([
  "component_not_present",
  "vulnerable_code_not_present",
  "vulnerable_code_not_in_execute_path",
  "vulnerable_code_cannot_be_controlled_by_adversary",
  "inline_mitigations_already_exist",
]);
const identifiers = z.object({ purl: name.optional(), cpe22: name.optional(), cpe23: name.optional() });
const hashes = z.record(z.string().max(32), z.string().max(256));
const component = z.object({ "@id": name.optional(), identifiers: identifiers.optional(), hashes: hashes.optional() });
/** Documents before 0.2.0 name products and vulnerabilities by a text. */
const part = z.union([name, component]);
const product = z.union([name, component.extend({ subcomponents: z.array(part).max(most.products).optional() })]);
const vulnerability = z.union([
  name,
  z.object({ "@id": name.optional(), name: name.optional(), aliases: z.array(name).max(most.names).optional() }),
]);
const statement = z.object({
  vulnerability,
  products: z.array(product).max(most.products).optional(),
  subcomponents: z.array(part).max(most.products).optional(),
  status: z.enum(["not_affected", "affected", "fixed", "under_investigation"]),
  timestamp: time.optional(),
  justification: justification.optional(),
  impact_statement: text.optional(),
  action_statement: text.optional(),
  status_notes: text.optional(),
  tidemill_expires: time.optional(),
});
const document = z.object({
  "@context": z.string().regex(/^https:\/\/openvex\.dev\/ns(?:\/v\d+\.\d+\.\d+)?$/),
  author: name,
  timestamp: time.optional(),
  statements: z.array(z.unknown()).min(1).max(most.statements),
});
const attestation = z.object({
  predicateType: z.string().regex(/^https:\/\/openvex\.dev\/ns/),
  subject: z
    .array(z.object({ digest: hashes }))
    .min(1)
    .max(most.products),
  predicate: z.unknown(),
});

/**
 * The statements of an OpenVEX document, or of the in-toto statement that carries one: then those that name no product are
 * about its subject. A statement that breaks the form is set aside, as is one that calls something not affected without
 * saying why. OpenVEX specification 0.2.0; in-toto attestation, statement v1.
 */
export function parseOpenVex(value: unknown): ParsedVex {
  const wrapped = checkShape(attestation, value);
  const parsed = checkShape(document, "data" in wrapped ? wrapped.data.predicate : value);
  if ("problem" in parsed) return { kind: "bad", problem: parsed.problem };
  const { author, timestamp, statements: raw } = parsed.data;
  const subject = "data" in wrapped ? wrapped.data.subject.flatMap(({ digest }) => digestsOf(digest)) : [];
  const ofSubject = subject.length === 0 ? [] : [{ ids: [], digests: subject, subcomponents: [] }];
  const statements: VexStatement[] = [];
  const problems: string[] = [];
  let bad = 0;
  for (const [at, one] of raw.entries()) {
    const read = readStatement(one, { author, timestamp, ofSubject });
    if (typeof read !== "string") statements.push(read);
    else {
      bad += 1;
      if (problems.length < mostProblems) problems.push(`statements.${at}: ${read}`);
    }
  }
  return { kind: "statements", statements, bad, problems };
}

function readStatement(
  value: unknown,
  whole: {
    readonly author: string;
    readonly timestamp: string | undefined;
    readonly ofSubject: readonly VexProduct[];
  },
): VexStatement | string {
  const parsed = checkShape(statement, value);
  if ("problem" in parsed) return parsed.problem;
  const one = parsed.data;
  const told = typeof one.vulnerability === "string" ? { name: one.vulnerability } : one.vulnerability;
  const names = [
    told.name,
    "@id" in told ? told["@id"] : undefined,
    ...("aliases" in told ? (told.aliases ?? []) : []),
  ];
  const vulnerabilities = [...new Set(names.flatMap((each) => each ?? []))];
  if (vulnerabilities.length === 0) return "vulnerability: without a name";
  const reason = [one.justification, one.impact_statement, one.action_statement, one.status_notes].filter(
    (each) => each !== undefined && each.trim() !== "",
  );
  if (one.status === "not_affected" && one.justification === undefined && (one.impact_statement ?? "").trim() === "")
    return "not_affected, and neither a justification nor an impact_statement says why";
  const at = one.timestamp ?? whole.timestamp;
  const timestamp = instantOf(at);
  if (at !== undefined && timestamp === undefined) return "timestamp: not a time";
  const expires = instantOf(one.tidemill_expires);
  if (one.tidemill_expires !== undefined && expires === undefined) return "tidemill_expires: not a time";
  const parts = one.subcomponents?.flatMap(idsOf) ?? [];
  const products = one.products?.map((each) => readProduct(each, parts)) ?? whole.ofSubject;
  if (products.length === 0) return "products: about nothing";
  return {
    vulnerabilities,
    products,
    status: one.status,
    reason: reason.join(": ").slice(0, longestReason),
    author: whole.author,
    timestamp,
    expires,
  };
}

function readProduct(value: z.infer<typeof product>, parts: readonly string[]): VexProduct {
  if (typeof value === "string") return { ids: [value], digests: [], subcomponents: parts };
  return {
    ids: idsOf(value),
    digests: digestsOf(value.hashes ?? {}),
    subcomponents: [...(value.subcomponents?.flatMap(idsOf) ?? []), ...parts],
  };
}

function idsOf(value: z.infer<typeof part>): string[] {
  if (typeof value === "string") return [value];
  const { purl, cpe22, cpe23 } = value.identifiers ?? {};
  return [...new Set([value["@id"], purl, cpe22, cpe23].flatMap((each) => each ?? []))];
}

/** `sha-256` is what OpenVEX writes, `sha256` what in-toto does. */
function digestsOf(values: Readonly<Record<string, string>>): string[] {
  return Object.entries(values).flatMap(([algorithm, hex]) => {
    const plain = algorithm.replace("-", "").toLowerCase();
    return /^[0-9a-f]{64,128}$/i.test(hex) && /^sha(?:256|512)$/.test(plain) ? `${plain}:${hex.toLowerCase()}` : [];
  });
}

function instantOf(value: string | undefined): Instant | undefined {
  const at = value === undefined || !/^\d{4}-\d{2}-\d{2}T/.test(value) ? Number.NaN : Date.parse(value);
  return Number.isNaN(at) ? undefined : at;
}
