import { systemClock } from "../../../lib/index.ts";
import type { DeployWorld } from "../index.ts";

/** A world of one folder, without registries. */
export function loneWorld(home: string): DeployWorld {
  const none = (): never => {
    throw new Error("no registry is in this test");
  };
  return { home, stateDir: `${home}/state`, clock: systemClock, copyImage: none, repository: none };
}
