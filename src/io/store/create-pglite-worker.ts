import { rmSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { PGlite } from "@electric-sql/pglite";
import { pgliteSettings } from "./pglite-message.ts";

// A process of its own: making a database takes more memory than using it, and only a process gives it all back.
const [, , directory = ""] = process.argv;
// Its input ends with whoever started it: what nobody waits for any more is taken away again.
process.stdin.on("end", () => {
  rmSync(directory, { recursive: true, force: true });
  process.exit(1);
});
process.stdin.resume();
const database = await PGlite.create(directory, { postgresqlconf: [...pgliteSettings] });
await database.close();
await setImmediate();
process.exit(0);
