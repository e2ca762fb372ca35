import type { Instant } from "../../lib/index.ts";
import type { CountedDay } from "./count-days.ts";
import { lengthsOf, secondsOf, type Lengths } from "./lengths.ts";
import { measure, percentWithin, weekOf, type Measures } from "./measures.ts";
import type { Period } from "./period.ts";
import { frameworks, presets, type Framework } from "./slo-presets.ts";

/** Open exposures that are alike. */
export interface OpenExposures {
  readonly labels: Readonly<Record<string, string>>;
  readonly severity: string;
  readonly exploited: boolean;
  /** Whole days since they were detected, never negative. */
  readonly days: number;
  readonly count: number;
  /** How many have missed whose deadline. */
  readonly overdue: Readonly<Partial<Record<Framework, number>>>;
}

export interface ReportFacts {
  readonly now: Instant;
  readonly period: Period;
  /** Of the period and of one environment. */
  readonly days: readonly CountedDay[];
  /** What stood open when the period began, by labels as canonical JSON. */
  readonly openBefore: readonly { readonly labels: string; readonly open: number }[];
  readonly open: readonly OpenExposures[];
  /** What the environment names now, when it was built, and the image's labels. */
  readonly images: readonly { readonly labels: Readonly<Record<string, string>>; readonly createdAt: Instant }[];
  /** The label that parts are made by, and the only value that is meant. */
  readonly label: { readonly key: string; readonly value: string | undefined } | undefined;
  /** By whose deadlines; those of the preset or the configuration. */
  readonly framework: Framework;
}

/** Lengths of time in seconds. */
export interface LengthsView {
  count: number;
  medianSeconds: number | null;
  p95Seconds: number | null;
}

export interface ReportPart {
  /** Value of the label; null: the whole, or images that have none. */
  label: string | null;
  images: number;
  opened: number;
  closed: Measures["closed"];
  open: number;
  /** Open, and past the framework's deadline. */
  overdue: number;
  fixToProduction: LengthsView;
  exposed: LengthsView;
  /** Ends of which nobody knows how long it took. */
  skewed: number;
  met: number;
  missed: number;
  /** Of met and missed, and of what is overdue; null where there is none. */
  percentWithin: number | null;
  rebuilds: { total: number; failed: number; closedNothing: number };
  imageAge: LengthsView;
}

export interface ReportWeek {
  /** Its Monday. */
  week: string;
  opened: number;
  closed: number;
  /** At its end, or now. */
  open: number;
  fixToProduction: LengthsView;
  percentWithin: number | null;
  rebuilds: number;
  rebuildsClosedNothing: number;
}

export interface ReportFigures {
  fleet: ReportPart;
  parts: ReportPart[];
  weeks: ReportWeek[];
  frameworks: {
    name: Framework;
    title: string;
    source: string;
    met: number;
    missed: number;
    overdue: number;
    percentWithin: number | null;
  }[];
  openByAge: { days: string; critical: number; high: number; medium: number; other: number; total: number }[];
}

const day = 86_400_000;
const mostParts = 200;
const ages = [
  { days: "under 7", below: 7 },
  { days: "7 to 29", below: 30 },
  { days: "30 to 89", below: 90 },
  { days: "90 to 179", below: 180 },
  { days: "180 and more", below: Infinity },
];

/** The figures of a report: definitions stand in docs/exposure.md. */
export function buildFigures(facts: ReportFacts): ReportFigures {
  const { label } = facts;
  const valueOf = (labels: Readonly<Record<string, string>>): string | undefined =>
    label === undefined ? undefined : labels[label.key];
  const isMeant = (labels: Readonly<Record<string, string>>): boolean =>
    label?.value === undefined || valueOf(labels) === label.value;
  const parsed = new Map<string, Readonly<Record<string, string>>>();
  const labelsOf = (text: string): Readonly<Record<string, string>> => {
    const known = parsed.get(text) ?? (JSON.parse(text) as Record<string, string>);
    parsed.set(text, known);
    return known;
  };
  const meant: ReportFacts = {
    ...facts,
    // A hundred thousand of them, mostly: nothing is looked at twice.
    days: label?.value === undefined ? facts.days : facts.days.filter(({ labels }) => isMeant(labelsOf(labels))),
    openBefore: facts.openBefore.filter(({ labels }) => isMeant(labelsOf(labels))),
    open: facts.open.filter(({ labels }) => isMeant(labels)),
    images: facts.images.filter(({ labels }) => isMeant(labels)),
  };
  const found = measure(meant.days);
  return {
    fleet: partOf(null, meant, found),
    parts: label === undefined ? [] : partsOf(meant, valueOf, labelsOf),
    weeks: weeksOf(meant),
    frameworks: frameworksOf(meant, found),
    openByAge: agesOf(meant.open),
  };
}

type Labels = Readonly<Record<string, string>>;

function partsOf(
  facts: ReportFacts,
  valueOf: (labels: Labels) => string | undefined,
  labelsOf: (text: string) => Labels,
): ReportPart[] {
  const days = Map.groupBy(facts.days, ({ labels }) => valueOf(labelsOf(labels)));
  const open = Map.groupBy(facts.open, ({ labels }) => valueOf(labels));
  const images = Map.groupBy(facts.images, ({ labels }) => valueOf(labels));
  const values = new Set([...days.keys(), ...open.keys(), ...images.keys()]);
  const parts = [...values].sort((a, b) => ((a ?? "\uffff") < (b ?? "\uffff") ? -1 : 1)).slice(0, mostParts);
  return parts.map((value) => {
    const own = { days: days.get(value) ?? [], open: open.get(value) ?? [], images: images.get(value) ?? [] };
    return partOf(value ?? null, { ...facts, ...own }, measure(own.days));
  });
}

function partOf(label: string | null, facts: ReportFacts, found: Measures): ReportPart {
  const { open, images, framework, now } = facts;
  const { met, missed } = found.slo[framework];
  const overdue = sum(open.map((one) => one.overdue[framework] ?? 0));
  return {
    label,
    images: images.length,
    opened: found.opened,
    closed: found.closed,
    open: sum(open.map(({ count }) => count)),
    overdue,
    fixToProduction: view(found.fixToProduction),
    exposed: view(found.exposed),
    skewed: found.skewed,
    met,
    missed,
    percentWithin: percentWithin(met, missed + overdue),
    rebuilds: found.rebuilds,
    imageAge: view(lengthsOf([images.map(({ createdAt }) => secondsOf(now - createdAt))])),
  };
}

function weeksOf({ days, period, framework, now, openBefore }: ReportFacts): ReportWeek[] {
  const known = new Map<string, string>();
  const byWeek = Map.groupBy(days, ({ day: date }) => {
    const monday = known.get(date) ?? weekOf(date);
    known.set(date, monday);
    return monday;
  });
  const weeks: ReportWeek[] = [];
  let open = sum(openBefore.map((one) => one.open));
  const end = Math.min(period.until, now + 1);
  for (let at = Date.parse(`${weekOf(isoDay(period.from))}T00:00:00Z`); at < end; at += 7 * day) {
    const week = isoDay(at);
    const found = measure(byWeek.get(week) ?? []);
    const closed = sum(Object.values(found.closed));
    open += found.opened - closed;
    const { met, missed } = found.slo[framework];
    weeks.push({
      week,
      opened: found.opened,
      closed,
      open,
      fixToProduction: view(found.fixToProduction),
      percentWithin: percentWithin(met, missed),
      rebuilds: found.rebuilds.total,
      rebuildsClosedNothing: found.rebuilds.closedNothing,
    });
  }
  return weeks;
}

function frameworksOf({ open }: ReportFacts, { slo }: Measures): ReportFigures["frameworks"] {
  return frameworks.map((name) => {
    const { met, missed } = slo[name];
    const overdue = sum(open.map((one) => one.overdue[name] ?? 0));
    const told = name === "own" ? { title: "Own rules", source: "`slo.rules` of the configuration" } : presets[name];
    const { title, source } = told;
    return { name, title, source, met, missed, overdue, percentWithin: percentWithin(met, missed + overdue) };
  });
}

function agesOf(open: readonly OpenExposures[]): ReportFigures["openByAge"] {
  return ages.map(({ days, below }, at) => {
    const above = ages[at - 1]?.below ?? 0;
    const own = open.filter((one) => one.days >= above && one.days < below);
    const of = (...levels: string[]): number =>
      sum(own.filter(({ severity }) => levels.includes(severity)).map(({ count }) => count));
    const [critical, high, medium] = [of("critical"), of("high"), of("medium")];
    const total = sum(own.map(({ count }) => count));
    return { days, critical, high, medium, other: total - critical - high - medium, total };
  });
}

function view({ count, median, p95 }: Lengths): LengthsView {
  return { count, medianSeconds: median, p95Seconds: p95 };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

function isoDay(at: Instant): string {
  return new Date(at).toISOString().slice(0, 10);
}
