import { beforeAll, describe, expect } from "vitest";
import { needs } from "../../../test/needs.ts";
import { makeGoModule, noGo } from "../../io/bump/testdata/go-module.ts";
import { noProgram } from "../../io/bump/testdata/bump-tree.ts";
import { noGit } from "../../io/git/testdata/repository.ts";
import { bumpSources } from "./index.ts";
import { bumpSites, type FoundWrong } from "./testdata/bump-site.ts";

type Site = Awaited<ReturnType<ReturnType<typeof bumpSites>>>;

/** From a finding to the merged pull request: what it changed, and that nothing is proposed twice. */
async function untilMerged(
  { ctx, fake, git, branches, find, merge, store }: Site,
  wanted: FoundWrong,
): Promise<string> {
  await find({ ...wanted, ids: ["GHSA-1"] });
  await bumpSources(ctx);
  expect(await store.loadBumps()).toMatchObject([{ state: "proposed" }]);
  const [head = ""] = branches().filter((branch) => branch !== "main");
  const title = `Bump ${wanted.package} from ${wanted.from} to ${wanted.to}`;
  expect(fake.pulls).toMatchObject([{ head, base: "main", title, state: "open" }]);
  expect(fake.pulls[0]?.body).toContain("`GHSA-1`");
  const diff = git("diff", "--unified=0", "main", head);
  await bumpSources(ctx);
  await merge(1, head);
  await bumpSources(ctx);
  await bumpSources(ctx);
  expect(fake.pulls).toHaveLength(1);
  const told = {
    url: expect.stringContaining("/pull/1") as string,
    end: "merged",
    closes: [{ id: "GHSA-1", image: "shop" }],
  };
  expect(await store.loadBumps()).toMatchObject([{ state: "merged", proposals: [told] }]);
  expect(branches()).toEqual(["main"]);
  return diff.replaceAll(/^(?:diff|index|---|\+\+\+|@@).*\n/gm, "");
}

describe("modules of Go", () => {
  let files: Record<string, string> = {};
  beforeAll(async () => {
    if ((noGit ?? noGo) === undefined) files = await makeGoModule();
  }, 120_000);
  const open = bumpSites(() => files);

  needs(noGit ?? noGo)(
    "are brought to the version that cures, with their checksums, by a pull request until it is merged",
    async () => {
      const diff = await untilMerged(await open(), {
        type: "golang",
        package: "golang.org/x/text",
        from: "v0.3.5",
        to: "v0.3.8",
      });
      expect(diff).toMatch(
        /^-require golang\.org\/x\/text v0\.3\.5\n\+require golang\.org\/x\/text v0\.3\.8\n(?:[-+]golang\.org\/x\/\S+ v\S+(?:\/go\.mod)? h1:\S+\n?)+$/,
      );
    },
    120_000,
  );
});

describe("requirements of Python", () => {
  const text = "# pinned\nidna==3.6  # by hand\ncertifi==2023.7.22\n";
  const open = bumpSites(() => ({ "requirements.txt": text }));

  needs(noGit ?? noProgram("uv"))(
    "are brought to the version that cures by a pull request until it is merged",
    async () => {
      const diff = await untilMerged(await open(), { type: "pypi", package: "idna", from: "3.6", to: "3.7" });
      expect(diff).toBe("-idna==3.6  # by hand\n+idna==3.7  # by hand");
    },
    60_000,
  );
});

describe("dependencies of Maven", () => {
  const text = [
    "<project>\r\n  <modelVersion>4.0.0</modelVersion>\r\n  <groupId>shop.example</groupId>\r\n  <artifactId>web</artifactId>\r\n  <version>1.9</version>\r\n",
    "  <!-- kept -->\r\n  <properties><text.version>1.9</text.version></properties>\r\n  <dependencies>\r\n    <dependency><groupId>org.apache.commons</groupId>",
    "<artifactId>commons-text</artifactId><version>${text.version}</version></dependency>\r\n  </dependencies>\r\n</project>\r\n",
  ].join("");
  const open = bumpSites(() => ({ "pom.xml": text }));

  needs(noGit ?? noProgram("mvn"))(
    "are brought to the version that cures by a pull request until it is merged",
    async () => {
      const name = "org.apache.commons:commons-text";
      const diff = await untilMerged(await open(), { type: "maven", package: name, from: "1.9", to: "1.10.0" });
      expect(diff.trimEnd()).toBe(
        "-  <properties><text.version>1.9</text.version></properties>\r\n+  <properties><text.version>1.10.0</text.version></properties>",
      );
    },
    120_000,
  );
});
