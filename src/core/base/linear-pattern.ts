import { parsePattern, PatternError, type CharacterSet, type PatternNode } from "./parse-pattern.ts";

/** A pattern, ready to be matched. */
export interface LinearPattern {
  /** Names of its groups. */
  readonly groups: readonly string[];
  /** What the named groups hold where all of `text` matches; undefined where it does not. Spends one of `budget.steps` for each character and place in the pattern; throws PatternError where none is left. */
  match(text: string, budget: StepBudget): ReadonlyMap<string, string> | undefined;
}

/** How much work may still be done: counted, so that the same question has the same answer on every machine. */
export interface StepBudget {
  steps: number;
}

type Instruction =
  | { readonly kind: "set"; readonly set: CharacterSet }
  /** The first is preferred. */
  | { kind: "split"; first: number; second: number }
  | { kind: "jump"; to: number }
  | { readonly kind: "save"; readonly slot: number }
  | { readonly kind: "match" };

const maxInstructions = 1000;

/**
 * Compiles the pattern for a simulation that reads each character once, whatever the pattern: time grows with the text's length times the pattern's, and no pattern
 * is catastrophic. Throws PatternError.
 */
export function compilePattern(pattern: string): LinearPattern {
  const program: Instruction[] = [];
  const groups: string[] = [];
  emit(parsePattern(pattern), program, groups);
  add(program, { kind: "match" });
  return { groups, match: (text, budget) => run(program, groups, text, budget) };
}

function add(program: Instruction[], instruction: Instruction): number {
  if (program.length >= maxInstructions) throw new PatternError("its repetitions make it too large");
  return program.push(instruction) - 1;
}

function emit(node: PatternNode, program: Instruction[], groups: string[]): void {
  switch (node.kind) {
    case "set":
      add(program, node);
      return;
    case "all":
      for (const each of node.nodes) emit(each, program, groups);
      return;
    case "any":
      emitAny(node.nodes, program, groups);
      return;
    case "group": {
      const slot = node.name === undefined ? undefined : slotOf(node.name, groups);
      if (slot !== undefined) add(program, { kind: "save", slot });
      emit(node.node, program, groups);
      if (slot !== undefined) add(program, { kind: "save", slot: slot + 1 });
      return;
    }
    case "repeat":
      emitRepeat(node, program, groups);
  }
}

/** A group that is repeated is written several times and keeps its slot. */
function slotOf(name: string, groups: string[]): number {
  if (!groups.includes(name)) groups.push(name);
  return groups.indexOf(name) * 2;
}

function emitAny(nodes: readonly PatternNode[], program: Instruction[], groups: string[]): void {
  const jumps: { to: number }[] = [];
  nodes.forEach((node, index) => {
    if (index === nodes.length - 1) return emit(node, program, groups);
    const split = { kind: "split" as const, first: program.length + 1, second: 0 };
    add(program, split);
    emit(node, program, groups);
    const jump = { kind: "jump" as const, to: 0 };
    add(program, jump);
    jumps.push(jump);
    split.second = program.length;
  });
  for (const jump of jumps) jump.to = program.length;
}

function emitRepeat(
  { node, least, most }: Extract<PatternNode, { kind: "repeat" }>,
  program: Instruction[],
  groups: string[],
): void {
  for (let count = 0; count < least; count += 1) emit(node, program, groups);
  if (most === undefined) {
    const split = { kind: "split" as const, first: program.length + 1, second: 0 };
    const at = add(program, split);
    emit(node, program, groups);
    add(program, { kind: "jump", to: at });
    split.second = program.length;
    return;
  }
  const splits: { second: number }[] = [];
  for (let count = least; count < most; count += 1) {
    const split = { kind: "split" as const, first: program.length + 1, second: 0 };
    add(program, split);
    splits.push(split);
    emit(node, program, groups);
  }
  for (const split of splits) split.second = program.length;
}

type Slots = readonly (number | undefined)[];

/** All places of the program that are reached at one character, preferred ones first; each once. */
interface Threads {
  readonly at: { readonly place: number; readonly slots: Slots }[];
  readonly seen: Set<number>;
}

function run(
  program: readonly Instruction[],
  groups: readonly string[],
  text: string,
  budget: StepBudget,
): ReadonlyMap<string, string> | undefined {
  let threads = follow(program, { at: [], seen: new Set() }, 0, [], 0, budget);
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    const next: Threads = { at: [], seen: new Set() };
    for (const { place, slots } of threads.at) {
      const instruction = program[place];
      if (instruction?.kind === "set" && instruction.set[code] === true)
        follow(program, next, place + 1, slots, index + 1, budget);
    }
    if (next.at.length === 0) return undefined;
    threads = next;
  }
  const matched = threads.at.find(({ place }) => program[place]?.kind === "match");
  if (matched === undefined) return undefined;
  return new Map(
    groups.flatMap((name, index) => {
      const [from, to] = [matched.slots[index * 2], matched.slots[index * 2 + 1]];
      return from === undefined || to === undefined ? [] : [[name, text.slice(from, to)]];
    }),
  );
}

/** Adds `place` to the threads, and all that is reached from it without reading on. */
function follow(
  program: readonly Instruction[],
  threads: Threads,
  place: number,
  slots: Slots,
  index: number,
  budget: StepBudget,
): Threads {
  const waiting = [{ place, slots }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    budget.steps -= 1;
    if (budget.steps < 0) throw new PatternError("it takes too long on so many tags");
    if (threads.seen.has(next.place)) continue;
    threads.seen.add(next.place);
    const instruction = program[next.place];
    if (instruction?.kind === "jump") waiting.push({ place: instruction.to, slots: next.slots });
    else if (instruction?.kind === "split") {
      waiting.push({ place: instruction.second, slots: next.slots });
      waiting.push({ place: instruction.first, slots: next.slots });
    } else if (instruction?.kind === "save") {
      const saved = next.slots.slice();
      saved[instruction.slot] = index;
      waiting.push({ place: next.place + 1, slots: saved });
    } else threads.at.push(next);
  }
  return threads;
}
