import { createFeed } from "../index.ts";
import { systemClock } from "../../../lib/index.ts";

/** A process that reads a feed until it is killed, and says when it begins. */
const [, , location = "", cache = ""] = process.argv;
process.stdout.write("begins\n");
await createFeed({ name: "osv", kind: "osv", location }, cache, systemClock).refresh();
