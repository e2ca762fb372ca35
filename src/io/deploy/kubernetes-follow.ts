import { setTimeout as delay } from "node:timers/promises";
import { AppError } from "../../lib/index.ts";
import type { FollowedPlace, TargetCluster, TargetList } from "./types.ts";

/** A place of a cluster that is followed. */
export interface KubernetesFollow extends FollowedPlace {
  /** How many changes were heard of. */
  readonly heard: () => number;
  /** Resolves where more was heard of than `count`, and after `ms`; throws what an abort throws. */
  readonly after: (count: number, ms: number, signal: AbortSignal) => Promise<void>;
}

/** What stands for a place: lists of workloads, and of the pods of those that are there. */
export interface PlaceLists {
  readonly workloads: readonly TargetList[];
  readonly pods: readonly TargetList[];
}

/** Between two rounds: where workloads came or went, and where it could not be seen which there are. */
const regroupMs = 1000;
const againMs = 60_000;
/** Each takes a connection: a place of more is looked at as often as before. */
const mostLists = 50;

/** Follows the lists of a place until `signal`. A workload that comes or goes has other pods: then it is seen anew what there is to follow. */
export function followPlace(
  cluster: Pick<TargetCluster, "follow">,
  listsOf: (signal: AbortSignal) => Promise<PlaceLists>,
  tell: () => void,
  signal: AbortSignal,
): KubernetesFollow {
  let heard = 0;
  const live = new Map<TargetList, boolean>();
  const waiting = new Set<() => void>();
  const hear = (): void => {
    heard += 1;
    for (const go of waiting) go();
    waiting.clear();
    tell();
  };
  const follow = async (list: TargetList, onCome: () => void, until: AbortSignal): Promise<void> => {
    live.set(list, false);
    const onLive = (isLive: boolean): void => {
      if (until.aborted) return;
      const was = live.get(list);
      live.set(list, isLive);
      // What was before is not told.
      if (isLive && was === false) hear();
    };
    const onChange = (change: string): void => {
      hear();
      if (change !== "changed") onCome();
    };
    await cluster.follow(list, { onLive, onChange }, until);
  };
  const round = async (): Promise<number> => {
    const regroup = new AbortController();
    const until = AbortSignal.any([signal, regroup.signal]);
    try {
      const { workloads, pods } = await listsOf(signal);
      if (workloads.length + pods.length > mostLists) return againMs;
      await Promise.all([
        ...workloads.map((list) => follow(list, () => regroup.abort(), until)),
        ...pods.map((list) => follow(list, () => undefined, until)),
      ]);
      return regroupMs;
    } catch (error) {
      signal.throwIfAborted();
      regroup.abort();
      if (!(error instanceof AppError)) throw error;
      return againMs;
    } finally {
      live.clear();
    }
  };
  const run = async (): Promise<void> => {
    while (!signal.aborted) await delay(await round(), undefined, { signal });
  };
  // Where it is not followed any more it is looked at as often as before.
  run().catch(() => undefined);
  return {
    isLive: () => live.size > 0 && [...live.values()].every(Boolean),
    heard: () => heard,
    after: async (count, ms, own) => {
      if (heard > count) return;
      const woken = new AbortController();
      const go = (): void => woken.abort();
      waiting.add(go);
      try {
        await delay(ms, undefined, { signal: AbortSignal.any([own, woken.signal]) });
      } catch {
        own.throwIfAborted();
      } finally {
        waiting.delete(go);
      }
    },
  };
}
