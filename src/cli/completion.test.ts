import { execFile, spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { needs } from "../../test/needs.ts";
import { commands } from "./commands.ts";
import { completion } from "./completion.ts";

const run = promisify(execFile);
const shells = ["bash", "zsh", "fish"] as const;
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tidemill-completion-"));
  await writeFile(join(folder, "fleet.yaml"), "");
  for (const shell of shells) await writeFile(join(folder, `_${shell}`), await scriptFor(shell));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function scriptFor(shell: string): Promise<string> {
  const asked = {
    argument: () => shell,
    optional: () => undefined,
    text: () => undefined,
    list: () => [],
    flag: () => false,
  };
  const { script } = (await completion.run(undefined as never, asked)) as { script: string };
  return script;
}

/** What a shell offers where `line` has been typed. */
const offers: Readonly<Record<(typeof shells)[number], (line: string) => Promise<string[]>>> = {
  bash: async (line) => {
    const script = `source ./_bash; COMP_WORDS=(${line.replace(/ $/, ' ""')}); COMP_CWORD=$(( \${#COMP_WORDS[@]} - 1 ))
      compopt() { :; }; _tidemill; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return (await run("bash", ["--norc", "-c", script], { cwd: folder })).stdout
      .split("\n")
      .filter((one) => one !== "");
  },
  zsh: async (line) => {
    // The completion system only works at a terminal: zsh brings one. Offers are written down instead of shown.
    const inner = `PROMPT=; fpath=(${folder} $fpath); autoload -Uz compinit; compinit -u -D; source ${folder}/_zsh
      compadd() { local -a hits; builtin compadd -O hits "$@"; print -rl -- $hits >> ${folder}/hits; builtin compadd "$@" }
      bindkey '^I' complete-word; echo ready`;
    await writeFile(join(folder, "inner"), inner);
    await writeFile(join(folder, "hits"), "");
    // Keys that are waiting already would keep it from completing: the next ones come when it has.
    const outer = `zmodload zsh/zpty; zpty z zsh -f -i; zpty -w z 'source ${folder}/inner'
      zpty -r z out '*ready*'; zpty -n -w z ${JSON.stringify(line)}$'\\t'
      for try in {1..200}; do [[ -s ${folder}/hits ]] && break; sleep 0.05; done
      zpty -n -w z $'\\x15echo over\\n'; zpty -r z out '*over*over*'; zpty -d z`;
    await run("zsh", ["-f", "-c", outer], { cwd: folder, timeout: 20_000 });
    const hits = (await run("cat", [join(folder, "hits")])).stdout.split("\n");
    return hits.filter((one) => one !== "");
  },
  fish: async (line) => {
    const script = `source ./_fish; complete -C ${JSON.stringify(line)}`;
    const { stdout } = await run("fish", ["--no-config", "-c", script], {
      cwd: folder,
      env: { ...process.env, HOME: folder },
    });
    return stdout.split("\n").flatMap((one) => (one === "" ? [] : [one.split("\t")[0] ?? ""]));
  },
};

describe.each(shells)("completion in %s", (shell) => {
  const real = needs(spawnSync(shell, ["--version"]).status === 0 ? undefined : `there is no ${shell}`);
  const offered = offers[shell];

  real("offers the commands", async () => {
    expect(await offered("tidemill re")).toEqual(
      expect.arrayContaining(["rebase", "rebuild", "reject", "report", "restore", "resume", "retention"]),
    );
    expect(await offered("tidemill stat")).toEqual(["status"]);
  });

  real("offers the options of the command, and of all commands", async () => {
    const options = await offered("tidemill promote --");
    expect(options).toEqual(expect.arrayContaining(["--reason", "--config", "--json", "--server"]));
    expect(options).not.toContain("--markdown");
    expect(await offered("tidemill why --mark")).toContain("--markdown");
  });
});

describe("completion", () => {
  it("knows every command, in scripts that no summary breaks out of", async () => {
    for (const shell of shells) {
      const script = await scriptFor(shell);
      for (const name of Object.keys(commands)) expect(script).toMatch(new RegExp(`\\b${name}\\b`));
    }
  });

  it.each(["tcsh", "constructor", ""])("has none for %j", async (shell) => {
    await expect(scriptFor(shell)).rejects.toMatchObject({ code: "BAD_USAGE" });
  });
});
