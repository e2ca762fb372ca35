import type { LockFile } from "../inventory/index.ts";
import { isSameVersion, spelledName } from "./order.ts";
import type { LockedBump, WantedBump } from "./types.ts";

/** The lock files that settle a version which is to be another, and what is wanted of each: under the name and the version that it has itself. */
export function locateBumps(wanted: readonly WantedBump[], locks: ReadonlyMap<string, LockFile>): LockedBump[] {
  return [...locks].flatMap(([file, { packages, bringsMore }]) =>
    wanted.flatMap((bump): LockedBump[] => {
      const { type } = bump;
      const name = spelledName(type, bump.package);
      const own = packages.filter((one) => one.type === type && spelledName(type, one.name) === name);
      const moves = bump.moves.flatMap(({ from, to }) =>
        own.filter(({ version }) => isSameVersion(type, version, from)).map(({ version }) => ({ from: version, to })),
      );
      const [first] = own;
      // Whether it brings the version without naming it is for its package manager to say.
      if (first === undefined && bringsMore === type) return [{ ...bump, file }];
      return first === undefined || moves.length === 0 ? [] : [{ ...bump, file, package: first.name, moves }];
    }),
  );
}
