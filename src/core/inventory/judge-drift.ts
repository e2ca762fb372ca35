import { printable } from "../../lib/index.ts";
import { versionSchemes, type VersionScheme } from "../version/index.ts";
import { diffPackages, type PackageDifference } from "./diff-packages.ts";
import { sizeOfFiles } from "./size-of-files.ts";
import { checkSetId } from "./structure/set-id.ts";
import { maxShown, type StructureSubject } from "./structure/structure-check.ts";
import type { Inventory } from "./types.ts";

/** What follows of a difference. */
export type DriftAnswer = "allow" | "warn" | "ask" | "refuse";

/** What an environment lets a candidate differ in from what runs. */
export interface DriftRules {
  /** Packages that are there no more, came anew, or are older. */
  readonly removed: DriftAnswer;
  readonly added: DriftAnswer;
  readonly downgraded: DriftAnswer;
  /** New set-id files, and files with new capabilities. */
  readonly setuid: DriftAnswer;
  readonly user: DriftAnswer;
  /** Entrypoint and command. */
  readonly entrypoint: DriftAnswer;
  /** New ports. */
  readonly ports: DriftAnswer;
  /** That its files grew by more than `growth` percent. */
  readonly size: DriftAnswer;
  readonly growth: number;
}

/** One platform of an image. */
export interface DriftSubject extends StructureSubject {
  readonly inventory: Inventory;
}

/** Whether `after` differs from `before`, what runs now, in more than `rules` allow: a sentence for each difference that is refused, then for each that a person is asked of, then for each that is warned of, at most 20 of each kind. */
export function judgeDrift(
  before: DriftSubject,
  after: DriftSubject,
  rules: DriftRules,
): { readonly verdict: "passed" | "warned" | "failed"; readonly messages: readonly string[]; readonly asks?: true } {
  const found = findDrift(before, after, rules);
  const answered = (answer: DriftAnswer): string[] =>
    found.flatMap(([kind, messages]) => (rules[kind] === answer ? shorten(messages) : []));
  const refused = answered("refuse");
  const asked = answered("ask");
  const told = [...asked, ...answered("warn")];
  const verdict = refused.length > 0 ? "failed" : told.length > 0 ? "warned" : "passed";
  const messages = [...refused, ...told].map((message) => printable(message.slice(0, 500)));
  return asked.length > 0 && verdict === "warned" ? { verdict, messages, asks: true } : { verdict, messages };
}

type DriftKind = Exclude<keyof DriftRules, "growth">;

function findDrift(
  before: DriftSubject,
  after: DriftSubject,
  rules: DriftRules,
): (readonly [DriftKind, readonly string[]])[] {
  const packages = diffPackages(before.inventory, after.inventory);
  const [was, is] = [before.config ?? {}, after.config ?? {}];
  const known = new Set(checkSetId(before).map(({ path, detail }) => `${path}\0${detail}`));
  const command = (config: typeof was): string => JSON.stringify([...(config.Entrypoint ?? []), ...(config.Cmd ?? [])]);
  const ports = Object.keys(is.ExposedPorts ?? {}).filter(
    (port) => !Object.keys(was.ExposedPorts ?? {}).includes(port),
  );
  return [
    ["removed", packages.flatMap(({ name, from, to }) => (to === undefined ? [`${name} ${from} is gone`] : []))],
    ["added", packages.flatMap(({ name, from, to }) => (from === undefined ? [`${name} ${to} is new`] : []))],
    ["downgraded", packages.filter(isDowngrade).map(({ name, from, to }) => `${name} goes back from ${from} to ${to}`)],
    [
      "setuid",
      checkSetId(after).flatMap(({ path, detail }) => (known.has(`${path}\0${detail}`) ? [] : [`${path}: ${detail}`])),
    ],
    ["user", was.User === is.User ? [] : [`it runs as "${is.User ?? ""}", not as "${was.User ?? ""}"`]],
    ["entrypoint", command(was) === command(is) ? [] : [`it starts ${command(is)}, not ${command(was)}`]],
    ["ports", ports.map((port) => `it exposes ${port}`)],
    ["size", checkGrowth(sizeOfFiles(before.tree), sizeOfFiles(after.tree), rules.growth)],
  ];
}

function isDowngrade({ type, from, to }: PackageDifference): boolean {
  if (from === undefined || to === undefined) return false;
  const scheme: VersionScheme = versionSchemes[type];
  const [older, newer] = [scheme.parse(from), scheme.parse(to)];
  // What has no order is no step back that anybody could show.
  return older !== undefined && newer !== undefined && scheme.compare(newer, older) < 0;
}

function checkGrowth(was: number, is: number, growth: number): string[] {
  if (is <= was * (1 + growth / 100)) return [];
  return [`its files grew from ${was} to ${is} bytes, by more than ${growth} %`];
}

function shorten(messages: readonly string[]): readonly string[] {
  if (messages.length <= maxShown) return messages;
  return [...messages.slice(0, maxShown), `and ${messages.length - maxShown} more`];
}
