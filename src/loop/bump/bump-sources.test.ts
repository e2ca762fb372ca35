import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { needs } from "../../../test/needs.ts";
import { noGit } from "../../io/git/testdata/repository.ts";
import type { Context } from "../context.ts";
import { bumpSources } from "./index.ts";
import { bumpSites } from "./testdata/bump-site.ts";
import { createLockEditor } from "./testdata/lock-editor.ts";

const real = needs(noGit);
const hour = 3_600_000;
const manifest = { name: "demo", version: "1.0.0", dependencies: { minimist: "^1.2.0" } };
const lockOf = (version: string): string =>
  JSON.stringify({ lockfileVersion: 3, packages: { "": manifest, "node_modules/minimist": { version } } });
const filesWith = (version: string) => ({
  "package.json": JSON.stringify(manifest),
  "package-lock.json": lockOf(version),
});
const wanted = { type: "npm", package: "minimist", from: "1.2.5", to: "1.2.6" } as const;

describe("bumps of a source", () => {
  const openSite = bumpSites(() => filesWith("1.2.5"));
  const open = async (options: Parameters<typeof openSite>[0] = {}) => {
    const editor = createLockEditor(join(tmpdir(), "tidemill-lock-editor"));
    const site = await openSite({ bumper: editor, ...options });
    const state = async () => (await site.store.loadBumps()).map((one) => [one.state, one.reason]);
    const heads = () => site.branches().filter((branch) => branch !== "main");
    const locked = (ref: string) => site.git("show", `${ref}:package-lock.json`);
    return { ...site, editor, state, heads, locked };
  };

  for (const kind of ["github", "gitlab", "gitea"] as const)
    real(
      `are remembered on ${kind} as refused when a person closes them, until another version is needed`,
      async () => {
        const { ctx, fake, find, state, heads, locked } = await open({ kind });
        await find(wanted);
        await bumpSources(ctx);
        expect(fake.pulls).toMatchObject([{ state: "open", title: "Bump minimist from 1.2.5 to 1.2.6" }]);
        fake.end(1, "closed", "ada");
        for (let pass = 0; pass < 3; pass += 1) await bumpSources(ctx);
        expect(fake.pulls).toHaveLength(1);
        expect(await state()).toEqual([
          ["declined", expect.stringMatching(kind === "gitea" ? /1 was closed$/ : /1 was closed by ada$/)],
        ]);
        expect(heads()).toEqual([]);
        await find({ ...wanted, to: "1.2.8" });
        await bumpSources(ctx);
        expect(fake.pulls).toMatchObject([
          { state: "closed" },
          { state: "open", title: "Bump minimist from 1.2.5 to 1.2.8" },
        ]);
        expect(locked(heads()[0] ?? "")).toBe(lockOf("1.2.8"));
      },
      60_000,
    );

  real(
    "wait out the cool-down on our own clock, unless what they close is critical or known to be exploited",
    async () => {
      const { ctx, fake, find, state, clock } = await open({ rules: "coolDown: 1d" });
      await find({ ...wanted, severity: "high" });
      await bumpSources(ctx);
      expect(await state()).toEqual([["waiting", expect.stringMatching(/^in cool-down until /)]]);
      clock.advance(23 * hour);
      await bumpSources(ctx);
      expect(fake.pulls).toEqual([]);
      clock.advance(2 * hour);
      await bumpSources(ctx);
      expect(fake.pulls).toHaveLength(1);
      const other = await open({ rules: "coolDown: 1d" });
      await other.find({ ...wanted, severity: "low", exploited: true });
      await bumpSources(other.ctx);
      expect(other.fake.pulls).toHaveLength(1);
    },
    60_000,
  );

  real(
    "are closed, and their branch goes, when somebody else brought the version or no finding asks for it",
    async () => {
      const { ctx, fake, find, state, heads, commit, git } = await open();
      await find(wanted);
      await bumpSources(ctx);
      await commit(filesWith("1.2.7"));
      await bumpSources(ctx);
      expect(fake.pulls).toMatchObject([{ state: "closed" }]);
      expect(fake.comments(1)).toMatchObject([{ body: "main does not lock 1.2.5 any more." }]);
      expect([await state(), heads()]).toEqual([[["ended", "main does not lock 1.2.5 any more"]], []]);
      await commit(filesWith("1.2.5"));
      await bumpSources(ctx);
      expect(fake.pulls).toMatchObject([{ state: "closed" }, { state: "open" }]);
      await find();
      await bumpSources(ctx);
      expect(fake.pulls).toMatchObject([{ state: "closed" }, { state: "closed" }]);
      expect(fake.comments(fake.pulls[1]?.number ?? 0)).toMatchObject([{ body: "no finding asks for it any more." }]);
      expect(git("branch", "--list")).not.toContain("bump");
    },
    60_000,
  );

  real(
    "are made anew where the branch has changed the files, and pass over a branch on which a person has committed",
    async () => {
      const { ctx, fake, find, state, heads, commit, git, locked } = await open();
      await find(wanted);
      await bumpSources(ctx);
      const [head = ""] = heads();
      await commit({ "package-lock.json": lockOf("1.2.5").replace("{", '{"name":"demo",'), "other.txt": "1" });
      await bumpSources(ctx);
      expect(locked(head)).toBe(lockOf("1.2.6").replace("{", '{"name":"demo",'));
      expect(git("merge-base", "main", head)).toBe(git("rev-parse", "main"));
      await commit({ "notes.txt": "mine" }, head);
      await find({ ...wanted, to: "1.2.8" });
      await bumpSources(ctx);
      expect(locked(head)).toContain("1.2.6");
      expect(await state()).toEqual([
        ["refused", expect.stringMatching(/by a, which is none of ours: nothing is pushed over it$/)],
      ]);
      expect(fake.pulls).toHaveLength(1);
    },
    60_000,
  );

  real(
    "are pushed where nobody is to be asked, and not again where somebody takes them back",
    async () => {
      const { ctx, find, state, locked, git, revert, editor } = await open({ commits: true });
      await find(wanted);
      await bumpSources(ctx);
      expect(locked("main")).toBe(lockOf("1.2.6"));
      expect(git("log", "-1", "--format=%an <%ae>", "main")).toBe("Tidemill <tidemill@shop.example>");
      const tip = git("rev-parse", "main");
      await bumpSources(ctx);
      expect(git("rev-parse", "main")).toBe(tip);
      expect(await state()).toEqual([["committed", `main has it since ${tip.slice(0, 12)}`]]);
      await revert();
      await bumpSources(ctx);
      await bumpSources(ctx);
      expect(locked("main")).toBe(lockOf("1.2.5"));
      expect(await state()).toEqual([["declined", expect.stringContaining("somebody took it back")]]);
      expect(editor.made()).toBe(1);
    },
    60_000,
  );

  real(
    "that could not be made are tried again later, and say why meanwhile",
    async () => {
      const { ctx, fake, find, state, editor, clock } = await open();
      await find(wanted);
      editor.fault = "failed";
      await bumpSources(ctx);
      await bumpSources(ctx);
      expect([await state(), editor.made()]).toEqual([[["refused", "the registry is away"]], 1]);
      editor.fault = undefined;
      clock.advance(hour);
      await bumpSources(ctx);
      expect(fake.pulls).toHaveLength(1);
    },
    60_000,
  );

  real(
    "end in one pull request wherever a process is killed",
    async () => {
      const { ctx, fake, find, state, heads } = await open();
      await find(wanted);
      const killed = new Error("killed");
      const die = () => Promise.reject(killed);
      const forge = ctx.bumps.forgeOf;
      type Parts = Context["bumps"];
      const kills: readonly Partial<Parts>[] = [
        // Before the push, after it, after the pull request was opened.
        { branches: { ...ctx.bumps.branches, propose: die } },
        {
          branches: {
            ...ctx.bumps.branches,
            propose: async (...args) => {
              await ctx.bumps.branches.propose(...args);
              return die();
            },
          },
        },
        {
          forgeOf: (source) => {
            const own = forge(source);
            return own && { ...own, open: async (...args) => (await own.open(...args), die()) };
          },
        },
      ];
      for (const kill of kills) {
        await expect(bumpSources({ ...ctx, bumps: { ...ctx.bumps, ...kill } })).rejects.toBe(killed);
        expect((await state())[0]?.[0]).toBe("intent");
      }
      await bumpSources(ctx);
      expect(fake.pulls).toHaveLength(1);
      expect(heads()).toHaveLength(1);
      expect(await state()).toEqual([["proposed", expect.stringContaining("waits to be merged")]]);
    },
    60_000,
  );

  real(
    "are left alone by a worker whose bump is another's",
    async () => {
      const { ctx, fake, find, store } = await open();
      await find(wanted);
      const { bumper } = ctx.bumps;
      const late: Context = {
        ...ctx,
        bumps: {
          ...ctx.bumps,
          bumper: {
            ...bumper,
            bump: async (...args) => {
              const made = await bumper.bump(...args);
              await store.releaseOtherBumps("another");
              return made;
            },
          },
        },
      };
      await bumpSources(late);
      expect(fake.pulls).toEqual([]);
      await bumpSources(ctx);
      expect(fake.pulls).toHaveLength(1);
    },
    60_000,
  );
});
