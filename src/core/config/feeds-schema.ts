import { z } from "zod";

const text = z.string().max(4096);
const name = z.string().regex(
  // Every object has a `constructor`: as a name it would be found where nothing is.
  /^(?!constructor$)[a-z0-9](?:[a-z0-9._-]{0,98}[a-z0-9])?$/,
  "lower-case letters, digits, `.`, `_` and `-`, at most 100 characters",
);

const feed = z.strictObject({
  kind: z
    .enum(["osv", "malware", "debian-tracker", "secdb", "kev", "epss"])
    .describe(
      "`osv`: OSV records; `malware`: those of packages made to do harm; `secdb`: of Alpine and Wolfi; `kev`: CISA's catalogue; `epss`: FIRST's scores",
    ),
  name: name.optional().describe("How it is called; by its kind without it"),
  from: text.describe("A file, a folder or a URL; a URL that ends in `/` is the root of a bucket as OSV's is laid out"),
  trust: z
    .enum(["weak", "strong"])
    .optional()
    .describe(
      "Whether its word that something critical is closed counts alone; by its kind without it: `debian-tracker` and `secdb` are strong",
    ),
  ecosystems: z
    .array(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}$/, "an ecosystem: `Debian`, `npm`, `crates.io`"))
    .min(1)
    .max(100)
    .optional()
    .describe("Which of its ecosystems are taken; all of them without it. A bucket needs them"),
});

/** Where advisories, exploits and scores come from. */
export const feeds = z
  .union(
    [
      z.array(feed).max(100),
      z.strictObject({
        osv: text.optional().describe("OSV records: a zip, a folder, or a URL"),
        debianTracker: text.optional().describe("The Debian security tracker's JSON: a file or a URL"),
      }),
    ],
    { error: "a list of `{ kind, from }`, or `osv:` and `debianTracker:`" },
  )
  .prefault({});
