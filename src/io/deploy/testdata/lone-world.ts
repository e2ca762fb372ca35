import { systemClock } from "../../../lib/index.ts";
import type { DeployWorld, PlaceMemory } from "../index.ts";

/** A world of one folder, without registries and Git. */
export function loneWorld(home: string): DeployWorld {
  const none = (): never => {
    throw new Error("no registry and no Git is in this test");
  };
  const branches = { read: none, edit: none, propose: none, withdraw: none };
  const cluster = () => ({ read: none, list: none, patch: none, remove: none, follow: none });
  const pullName = ({ image }: { readonly image: string }): string => `registry.example/${image}`;
  const forgeOf = (): undefined => undefined;
  const places = { home, stateDir: `${home}/state`, clock: systemClock };
  return { ...places, copyImage: none, repository: none, branches, forgeOf, pullName, cluster };
}

/** What a target keeps of a place, for a test that has no store. */
export function loneMemory(): PlaceMemory {
  let kept: unknown = null;
  return {
    load: () => Promise.resolve(kept),
    save: (value) => {
      kept = JSON.parse(JSON.stringify(value)) as unknown;
      return Promise.resolve();
    },
  };
}
