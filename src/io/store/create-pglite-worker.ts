import { PGlite } from "@electric-sql/pglite";
import { pgliteSettings } from "./pglite-message.ts";

// A process of its own: making a database takes more memory than using it, and only a process gives it all back.
const [, , directory = ""] = process.argv;
const database = await PGlite.create(directory, { postgresqlconf: [...pgliteSettings] });
await database.close();
