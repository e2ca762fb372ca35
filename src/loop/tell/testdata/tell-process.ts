import { openStore } from "../../../io/store/index.ts";
import { manualClock, silentLogger } from "../../../lib/index.ts";
import { tellConfig, tellOnce, type ForgeKind } from "./tell-site.ts";

/** Tells the forge at an address what the store in a folder has to tell, at a moment, once. */
const [dir = "", kind = "", api = "", moment = ""] = process.argv.slice(2);
const clock = manualClock(Number(moment));
const store = await openStore({ dir }, { clock, log: silentLogger() });
await tellOnce(store, tellConfig(kind as ForgeKind, api), clock);
await store.close();
