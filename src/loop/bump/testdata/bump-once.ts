import { createBumpParts } from "../../../create-bump-parts.ts";
import { openStore } from "../../../io/store/index.ts";
import { silentLogger, systemClock } from "../../../lib/index.ts";
import { createTestContext, openTestRegistry, testConfig } from "../../../serve/operations/testdata/test-fleet.ts";
import { bumpSources } from "../index.ts";

/** What a process is told that bumps once: folders of its state and of its caches, and the images of its configuration. */
export interface BumpOnce {
  readonly state: string;
  readonly cache: string;
  readonly images: string;
}

const { state, cache, images } = JSON.parse(process.argv[2] ?? "") as BumpOnce;
const store = await openStore({ dir: state }, { clock: systemClock, log: silentLogger() });
const config = testConfig((text) => text.replace(/images:[\s\S]*$/, images));
const owner = `${process.pid}`;
await store.releaseOtherBumps(owner);
await bumpSources({
  ...createTestContext(store, systemClock, await openTestRegistry(), { config }),
  owner,
  bumps: createBumpParts({ dir: cache, hidden: [state], env: process.env }),
});
await store.close();
process.exit(0);
