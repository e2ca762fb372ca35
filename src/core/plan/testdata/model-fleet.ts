import { canonicalJson, sha256, type Digest, type Instant } from "../../../lib/index.ts";
import { decideRollback } from "../decide-rollback.ts";
import { decideTurn, isOvertakenBy } from "../decide-turn.ts";
import type { PackageUpdate } from "../facts.ts";
import { findBreaking, type TakenUpdates, type TrialOutcome } from "../find-breaking.ts";
import { nextStep, type ChainLink, type RebuildFacts } from "../next-step.ts";
import { planRebuilds } from "../plan-rebuilds.ts";
import type { Lane, RebuildState } from "../types.ts";
import { madeFacts, madeImage, madePackage, madeUpdate } from "./made-facts.ts";

/** Versions by package: all that an image is, here. Versions are whole numbers. */
export type Content = ReadonlyMap<string, number>;

function byName([a]: readonly [string, number], [b]: readonly [string, number]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

interface ModelRebuild {
  readonly createdAt: number;
  lane: Lane;
  state: RebuildState;
  candidate: Digest | null;
  causes: readonly string[];
  order: { readonly keepOut: readonly string[]; readonly stay: ReadonlyMap<string, number> };
  endedAt: Instant;
  /** Whether it failed because of what is held back now. */
  isHeldBack: boolean;
  readonly verifications: { environment: string; verdict: "passed" | "failed" }[];
}

interface Move {
  readonly at: Instant;
  readonly environment: string;
  readonly digest: Digest;
  readonly kind: "forward" | "rollback";
  readonly by: ModelRebuild | undefined;
}

/**
 * One image in a chain of environments, taken through its life by the pure decisions of this folder and nothing else: what the store and the loop do between them is written here in a few lines. For properties that must hold
 * whatever the order of events.
 */
export class ModelFleet {
  now: Instant = 1_800_000_000_000;
  readonly chain: readonly ChainLink[];
  readonly breaks: (content: Content) => boolean;
  readonly offered = new Map<string, { version: number; urgent: boolean }[]>();
  readonly contents = new Map<Digest, Content>();
  readonly pointers = new Map<string, { digest: Digest; since: Instant; by: ModelRebuild | undefined }>();
  readonly passed = new Set<string>();
  readonly quarantines = new Map<Digest, readonly string[]>();
  /** Versions that a way back left, whatever the checks say of them. */
  readonly takenBack = new Set<string>();
  readonly moves: Move[] = [];
  readonly rebuilds: ModelRebuild[] = [];

  constructor(chain: readonly ChainLink[], packages: readonly string[], breaks: (content: Content) => boolean) {
    this.chain = chain;
    this.breaks = breaks;
    for (const name of packages) this.offered.set(name, [{ version: 1, urgent: false }]);
    const digest = this.digestOf(new Map(packages.map((name) => [name, 1])));
    for (const { name } of chain) {
      this.passed.add(`${name} ${digest}`);
      this.pointers.set(name, { digest, since: this.now - 1e9, by: undefined });
      this.moves.push({ at: this.now - 1e9, environment: name, digest, kind: "forward", by: undefined });
    }
  }

  digestOf(content: Content): Digest {
    const digest = sha256(canonicalJson([...content].sort(byName)));
    this.contents.set(digest, content);
    return digest;
  }

  contentIn(environment: string): Content {
    const digest = this.pointers.get(environment)?.digest;
    return (digest && this.contents.get(digest)) ?? new Map();
  }

  publish(name: string, urgent: boolean): void {
    const list = this.offered.get(name) ?? [];
    list.push({ version: (list.at(-1)?.version ?? 0) + 1, urgent });
  }

  /** A person's, or a probe's, way back; what is left is quarantined with what it brought. */
  rollBack(environment: string): boolean {
    const current = this.pointers.get(environment)?.digest;
    const past = this.moves.filter((one) => one.environment === environment).map(({ digest }) => digest);
    const decision = decideRollback({
      image: "a",
      environment,
      current,
      past: [...new Set(past.toReversed())],
      passed: new Set([...this.contents.keys()].filter((digest) => this.passed.has(`${environment} ${digest}`))),
      quarantined: new Set(this.quarantines.keys()),
    });
    if (decision.kind === "refused") return false;
    const [older, newer] = [this.contents.get(decision.to), this.contents.get(decision.from)];
    const brought = [...(newer ?? [])].filter(([name, version]) => version > (older?.get(name) ?? 0));
    this.quarantine(decision.from, brought);
    for (const [name, version] of brought) this.takenBack.add(`${name} ${version}`);
    this.pointers.set(environment, { digest: decision.to, since: this.now, by: undefined });
    this.moves.push({ at: this.now, environment, digest: decision.to, kind: "rollback", by: undefined });
    return true;
  }

  quarantine(digest: Digest, versions: readonly (readonly [string, number])[]): void {
    if (!this.quarantines.has(digest))
      this.quarantines.set(
        digest,
        versions.map(([name, version]) => `${name} ${version}`),
      );
  }

  /** Plans, and takes every rebuild as far as it goes. */
  pass(): void {
    for (let again = true; again; ) {
      again = this.plan();
      for (const rebuild of this.active()) again = this.work(rebuild) || again;
    }
  }

  active(): ModelRebuild[] {
    return this.rebuilds.filter(({ state }) => state === "queued" || state === "built");
  }

  blocked(): string[] {
    return [...this.quarantines.values()].flat();
  }

  private plan(): boolean {
    const current = this.contentIn(this.chain.at(-1)?.name ?? "");
    const updates = [...this.offered].flatMap(([name, list]) =>
      list.map(({ version, urgent }): PackageUpdate => madeUpdate(name, String(version), { urgent, source: name })),
    );
    const blocked = this.blocked().map((one) => {
      const [name = "", version = ""] = one.split(" ");
      return { name, architecture: "amd64", version };
    });
    const ended = this.rebuilds.filter(({ state }) => state === "unchanged").at(-1);
    const last = this.rebuilds.at(-1);
    const failure = last?.state === "failed" ? { at: last.endedAt, count: 1, recipeKey: "recipe", causes: last.causes } : undefined;
    const plan = planRebuilds(
      madeFacts({
        now: this.now,
        images: [
          madeImage("a", {
            blocked,
            takesSome: true,
            failure: last?.isHeldBack === true ? undefined : failure,
            settled: ended === this.rebuilds.at(-1) && ended ? { recipeKey: "recipe", causes: ended.causes } : undefined,
          }),
        ],
        inventories: new Map([["a", [...current].map(([name, version]) => madePackage(name, String(version), { source: name }))]]),
        updates,
        policy: { coolDown: 0, securityCoolDown: 0, exempt: [], maxRebuildsPerHour: 1000 },
      }),
    );
    const [wanted] = plan.waves.flat();
    if (wanted === undefined) return false;
    const causes = wanted.causes.map(({ key }) => key);
    const order = {
      keepOut: wanted.keepOut.map(({ name, version }) => `${name} ${version}`),
      stay: new Map(wanted.holdBack.map(({ name, from }) => [name, Number(from)])),
    };
    const queued = this.rebuilds.find(({ state }) => state === "queued");
    if (queued !== undefined) {
      Object.assign(queued, { causes: [...new Set([...queued.causes, ...causes])], order });
      if (wanted.lane === "urgent") queued.lane = "urgent";
      return false;
    }
    const running = this.rebuilds.findLast(({ state }) => state === "built");
    if (running !== undefined && causes.every((key) => running.causes.includes(key))) return false;
    const { lane } = wanted;
    this.rebuilds.push({
      createdAt: this.rebuilds.length,
      lane,
      state: "queued",
      candidate: null,
      causes,
      order,
      endedAt: this.now,
      isHeldBack: false,
      verifications: [],
    });
    return true;
  }

  private factsOf(rebuild: ModelRebuild): RebuildFacts {
    const { state, lane, candidate, verifications } = rebuild;
    return {
      state,
      lane,
      candidate,
      verifications,
      pointers: [...this.pointers].map(([environment, { digest, since }]) => ({ environment, digest, since })),
      approvals: [],
      unprobed: [],
      holds: [],
      quarantined: candidate !== null && this.quarantines.has(candidate),
      barred: this.takenBackIn(candidate) === undefined ? undefined : "it has what was taken back",
      parents: [],
      conflicts: [],
    };
  }

  private takenBackIn(candidate: Digest | null): string | undefined {
    const content = [...(this.contents.get(candidate ?? "sha256:") ?? [])].map(([name, version]) => `${name} ${version}`);
    return content.find((one) => this.takenBack.has(one));
  }

  /** Takes one as far as it goes; whether a new plan may find more to do. */
  private work(rebuild: ModelRebuild): boolean {
    for (;;) {
      const step = nextStep(this.factsOf(rebuild), this.chain, this.now);
      if (step.kind === "wait") return false;
      if (step.kind === "finish") {
        if (step.state === "failed" && rebuild.verifications.at(-1)?.verdict === "failed") this.holdBack(rebuild);
        rebuild.state = step.state;
        rebuild.endedAt = this.now;
        return true;
      }
      if (step.kind === "build") {
        const made = this.resolve(rebuild.order);
        if (made === undefined) {
          rebuild.state = "failed";
          rebuild.endedAt = this.now;
          return false;
        }
        rebuild.candidate = this.digestOf(made);
        rebuild.state = this.pointers.get(this.chain.at(-1)?.name ?? "")?.digest === rebuild.candidate ? "unchanged" : "built";
        if (rebuild.state === "unchanged") return false;
        continue;
      }
      const { environment } = step;
      if (step.kind === "verify") {
        const isBad = this.breaks(this.contents.get(rebuild.candidate ?? "sha256:") ?? new Map());
        rebuild.verifications.push({ environment, verdict: isBad ? "failed" : "passed" });
        if (!isBad) this.passed.add(`${environment} ${rebuild.candidate}`);
        continue;
      }
      if (this.isOvertaken(rebuild, environment)) {
        rebuild.state = "superseded";
        return true;
      }
      if (!this.mayGo(rebuild, environment)) return false;
      const digest = rebuild.candidate ?? "sha256:";
      this.pointers.set(environment, { digest, since: this.now, by: rebuild });
      this.moves.push({ at: this.now, environment, digest, kind: "forward", by: rebuild });
    }
  }

  /** Undefined where what must not come could only be left out by going back to something older. */
  private resolve({ keepOut, stay }: ModelRebuild["order"]): Content | undefined {
    const current = this.contentIn(this.chain.at(-1)?.name ?? "");
    const newest = (name: string): number => {
      const open = (this.offered.get(name) ?? []).filter(({ version }) => !keepOut.includes(`${name} ${version}`));
      return stay.get(name) ?? Math.max(...open.map(({ version }) => version));
    };
    const made = new Map([...this.offered.keys()].map((name) => [name, newest(name)]));
    const isOlder = [...made].some(([name, version]) => version < (current.get(name) ?? 0));
    return isOlder || [...made].some(([name, version]) => keepOut.includes(`${name} ${version}`)) ? undefined : made;
  }

  private isOvertaken(rebuild: ModelRebuild, environment: string): boolean {
    const by = this.pointers.get(environment)?.by;
    if (by !== undefined && by.createdAt > rebuild.createdAt) return true;
    if ([...this.pointers.values()].some(({ digest }) => digest === rebuild.candidate)) return false;
    return this.active().some((newer) => {
      const step = nextStep(this.factsOf(newer), this.chain, this.now);
      const isReady = step.kind === "promote" && step.environment === environment;
      return newer !== rebuild && isOvertakenBy(rebuild, { ...newer, isReady });
    });
  }

  private mayGo(rebuild: ModelRebuild, environment: string): boolean {
    const pointer = this.pointers.get(environment);
    const { by } = pointer ?? {};
    if (pointer === undefined || by === undefined || by === rebuild || by.state !== "built") return true;
    const ahead = { digest: pointer.digest, facts: this.factsOf(by) };
    return decideTurn(rebuild.lane, environment, ahead, this.chain, this.now).kind === "goes";
  }

  /** The search of the loop: what it finds goes into quarantine with the candidate. */
  private holdBack(rebuild: ModelRebuild): void {
    const { candidate } = rebuild;
    rebuild.isHeldBack = true;
    if (candidate === null || this.quarantines.has(candidate)) return;
    const after = this.contents.get(candidate) ?? new Map<string, number>();
    const before = this.contentIn(this.chain.at(-1)?.name ?? "");
    const changes = [...after].filter(([name, version]) => version > (before.get(name) ?? 0)).sort(byName);
    const outcomes = new Map<string, TrialOutcome>();
    for (;;) {
      const ask = (taken: TakenUpdates): TrialOutcome | undefined => outcomes.get(taken.join(" "));
      const next = findBreaking(changes.length, ask, { trials: 1000 });
      if (next.kind === "none") {
        this.quarantine(candidate, changes);
        return;
      }
      if (next.kind === "found") {
        this.quarantine(
          candidate,
          next.breaking.flatMap((at) => (changes[at] === undefined ? [] : [changes[at]])),
        );
        return;
      }
      const content = new Map(before);
      for (const at of next.taken) {
        const change = changes[at];
        if (change !== undefined) content.set(...change);
      }
      outcomes.set(next.taken.join(" "), this.breaks(content) ? "failed" : "passed");
    }
  }
}
