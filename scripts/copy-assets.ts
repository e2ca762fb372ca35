import { cp } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const path = (place: string): string => fileURLToPath(new URL(`../${place}`, import.meta.url));

/** What the sources read at run time and tsc does not carry over: migrations, keyrings, the page's files. */
await cp(path("src"), path("dist"), {
  recursive: true,
  filter: (from) => !from.endsWith(".ts") && !from.includes("testdata"),
});
