import { beforeAll, describe, expect } from "vitest";
import { needs } from "../../../test/needs.ts";
import { parseLockFile } from "../../core/inventory/index.ts";
import { makeNpmProject, noNpm } from "../../io/bump/testdata/npm-project.ts";
import { noGit } from "../../io/git/testdata/repository.ts";
import { bumpSources } from "./index.ts";
import { bumpSites } from "./testdata/bump-site.ts";

const real = needs(noGit ?? noNpm);
const demo = { name: "demo", version: "1.0.0", dependencies: { mkdirp: "0.5.5", ms: "^2.0.0" } };
const minimist = { type: "npm", package: "minimist", from: "1.2.5", to: "1.2.6" } as const;

describe("npm packages of a source", () => {
  let files: Record<string, string> = {};
  beforeAll(async () => {
    if ((noGit ?? noNpm) === undefined) files = await makeNpmProject(demo, { minimist: "1.2.5" });
  }, 120_000);
  const open = bumpSites(() => files);

  real(
    "are brought to the version that cures by a pull request, which is changed for a newer one and done when it is merged",
    async () => {
      const { ctx, fake, git, branches, find, merge, store } = await open();
      await find(
        { ...minimist, ids: ["GHSA-1", "GHSA-2"] },
        { ...minimist, image: "jobs", ids: ["GHSA-1"], exploited: true },
      );
      const before = git("rev-parse", "main");
      await bumpSources(ctx);
      const [head = ""] = branches().filter((branch) => branch !== "main");
      expect(head).toMatch(/^tidemill\/bump\/npm\/minimist-[0-9a-f]{8}$/);
      expect(fake.pulls).toMatchObject([
        { head, base: "main", title: "Bump minimist from 1.2.5 to 1.2.6", labels: ["tidemill"], state: "open" },
      ]);
      expect(fake.pulls[0]?.body).toContain("| `GHSA-1` | `critical` | `yes` | `1.2.6` | `jobs` |");
      expect(fake.pulls[0]?.body).toContain("| `GHSA-2` | `critical` | `no` | `1.2.6` | `shop` |");
      expect(git("rev-parse", "main")).toBe(before);
      expect(git("diff", "--name-only", "main", head)).toBe("package-lock.json");
      const versionsIn = (ref: string) =>
        parseLockFile("package-lock.json", git("show", `${ref}:package-lock.json`))
          ?.packages.map(({ name, version }) => `${name} ${version}`)
          .sort();
      expect(versionsIn(head)).toEqual(["minimist 1.2.6", "mkdirp 0.5.5", expect.stringMatching(/^ms 2/)]);
      expect(git("log", "-1", "--format=%B", head)).toMatch(
        /Closes GHSA-1, GHSA-2\.\n[^]*\nTidemill-Bump: [0-9a-f]{16} [0-9a-f]{16}$/,
      );
      const [row] = await store.loadBumps("jobs");
      expect(row).toMatchObject({
        state: "proposed",
        url: expect.stringContaining("/pull/1") as string,
        images: ["jobs", "shop"],
      });

      const first = git("rev-parse", head);
      await bumpSources(ctx);
      expect(fake.pulls).toHaveLength(1);
      expect(git("rev-parse", head)).toBe(first);

      await find({ ...minimist, to: "1.2.8" });
      await bumpSources(ctx);
      expect(fake.pulls).toMatchObject([{ title: "Bump minimist from 1.2.5 to 1.2.8", state: "open" }]);
      expect(versionsIn(head)).toContain("minimist 1.2.8");

      await merge(1, head);
      await bumpSources(ctx);
      expect(versionsIn("main")).toContain("minimist 1.2.8");
      expect(await store.loadBumps()).toMatchObject([
        { state: "merged", reason: expect.stringContaining("was merged by ada") as string },
      ]);
      expect(branches()).toEqual(["main"]);
      await bumpSources(ctx);
      expect(fake.pulls).toHaveLength(1);
    },
    120_000,
  );
});
