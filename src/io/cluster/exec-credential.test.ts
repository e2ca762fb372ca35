import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { manualClock } from "../../lib/index.ts";
import { createExecCredentials, type ExecConfig } from "./exec-credential.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tidemill-exec-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const signal = new AbortController().signal;
const start = Date.parse("2026-03-01T00:00:00Z");
const v1 = "client.authentication.k8s.io/v1";
const given = (status: object, more: object = {}): string =>
  JSON.stringify({ apiVersion: v1, kind: "ExecCredential", status, ...more });

/** A program of a shell script, as a kubeconfig names it. Each of its runs leaves a line in `runs`. */
async function program(script: string, more: Partial<ExecConfig> = {}) {
  const name = `plugin-${Math.random().toString(36).slice(2)}`;
  const path = join(folder, name);
  await writeFile(path, `#!/bin/sh\necho run >>${path}.runs\n${script}\n`);
  await chmod(path, 0o755);
  const exec: ExecConfig = { apiVersion: v1, command: `./${name}`, interactiveMode: "Never", ...more };
  const clock = manualClock(start);
  const programs = createExecCredentials(clock, { timeoutMs: 1000, bytes: 5000 });
  return {
    clock,
    programs,
    get: (own = signal, cluster = {}) => programs.get({ exec, kubeconfig: join(folder, "config"), cluster }, own),
    runs: async () => (await readFile(`${path}.runs`, "utf8")).split("\n").length - 1,
  };
}

describe("a program that gives credentials", () => {
  it("is told the version, the cluster where it asks for it, its own variables, PATH and HOME, and nothing else", async () => {
    const script = `env >"$OUT"; printf '%s' '${given({ token: "t" })}'`;
    const env = [
      { name: "OUT", value: join(folder, "env") },
      { name: "AWS_PROFILE", value: "shop" },
    ];
    const cluster = { server: "https://a", config: { audience: "x" } };
    process.env["TIDEMILL_CANARY"] = "secret";
    const asked = await program(script, { env, provideClusterInfo: true });
    expect(await asked.get(signal, cluster)).toMatchObject({ token: "t", cert: undefined });
    const told = Object.fromEntries(
      (await readFile(join(folder, "env"), "utf8"))
        .trim()
        .split("\n")
        .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
    );
    delete process.env["TIDEMILL_CANARY"];
    // What the shell adds of its own.
    for (const name of ["PWD", "OLDPWD", "SHLVL", "_"]) delete told[name];
    expect(Object.keys(told).sort()).toEqual(["AWS_PROFILE", "HOME", "KUBERNETES_EXEC_INFO", "OUT", "PATH"]);
    expect(JSON.parse(told["KUBERNETES_EXEC_INFO"] ?? "")).toEqual({
      apiVersion: v1,
      kind: "ExecCredential",
      spec: { interactive: false, cluster },
    });
    const shy = await program(script, { env });
    await shy.get(signal, cluster);
    expect(await readFile(join(folder, "env"), "utf8")).not.toContain("https://a");
  });

  it("is run once while what it gave holds, once for all who ask at once, and anew when it ends or is not taken", async () => {
    const expirationTimestamp = "2026-03-01T01:00:00Z";
    const asked = await program(`printf '%s' '${given({ token: "t", expirationTimestamp })}'`);
    const [first] = await Promise.all([asked.get(), asked.get(), asked.get()]);
    expect(await asked.runs()).toBe(1);
    asked.clock.advance(3_590_000);
    await asked.get();
    expect(await asked.runs()).toBe(1);
    asked.clock.advance(6000);
    await asked.get();
    expect(await asked.runs()).toBe(2);
    // Not what was given before, but what is kept.
    if (first !== undefined) asked.programs.drop(first);
    asked.clock.advance(-3_596_000);
    const kept = await asked.get();
    expect(await asked.runs()).toBe(2);
    asked.programs.drop(kept);
    await asked.get();
    expect(await asked.runs()).toBe(3);
  });

  it("that is ended with one of those who wait for it is run again for the others", async () => {
    const asked = await program(`sleep 0.3; printf '%s' '${given({ token: "t" })}'`);
    const stop = new AbortController();
    const [first, second] = [asked.get(stop.signal), asked.get()];
    stop.abort(new Error("stopped"));
    await expect(first).rejects.toThrow("stopped");
    expect(await second).toMatchObject({ token: "t" });
  });

  const pem = "-----BEGIN CERTIFICATE-----\n";
  it.each<[string, string, Partial<ExecConfig>, RegExp, RegExp]>([
    [
      "is not there",
      "",
      { command: "/gone/plugin", installHint: "apt install\u001b[31m it" },
      /\/gone\/plugin cannot be started: .*ENOENT/,
      /^apt install\\u\{1b\}\[31m it$/,
    ],
    [
      "is not there, and nobody says where it is from",
      "",
      { command: "tidemill-no-such-program" },
      /cannot be started/,
      /^Run it by hand/,
    ],
    [
      "fails",
      "echo login first >&2; exit 3",
      {},
      /ended with 3: login first$/,
      /it is told PATH, HOME and what `env:`/,
    ],
    ["does not end", "sleep 60", {}, /did not end within 1000 ms/, /./],
    ["leaves a child behind that does not end", "sleep 60 & echo {}", {}, /printed no ExecCredential/, /./],
    ["floods", "head -c 1000000 /dev/zero", {}, /printed more than 5000 bytes/, /./],
    ["prints no JSON", "echo secret-token", {}, /printed no JSON$/, /./],
    ["prints another kind", `echo '${given({ token: "t" }, { kind: "Pod" })}'`, {}, /no ExecCredential at kind/, /./],
    [
      "prints another version",
      `echo '${given({ token: "t" }, { apiVersion: "client.authentication.k8s.io/v1beta1" })}'`,
      {},
      /printed client\.authentication\.k8s\.io\/v1beta1, the kubeconfig says client\.authentication\.k8s\.io\/v1$/,
      /./,
    ],
    ["gives nothing", `echo '${given({})}'`, {}, /neither a token nor a certificate/, /./],
    [
      "gives a certificate alone",
      `printf '%s' '${given({ clientCertificateData: pem }).replaceAll("\\n", "\\\\n")}'`,
      {},
      /certificate without its key/,
      /./,
    ],
    [
      "gives a token that breaks out of its header",
      `printf '%s' '${given({ token: "a\r\nX: y" })}'`,
      {},
      /no ExecCredential at status\.token/,
      /./,
    ],
    [
      "gives a time that is none",
      `echo '${given({ token: "t", expirationTimestamp: "soon" })}'`,
      {},
      /status\.expirationTimestamp/,
      /./,
    ],
    ["wants a person", "", { interactiveMode: "Always" }, /wants a terminal/, /./],
    ["does not say whether it does", "", { interactiveMode: undefined }, /has no `interactiveMode`/, /./],
  ])("%s: it is named, with what to do, and no secret", async (_, script, more, message, hint) => {
    const asked = await program(script, more);
    const error: unknown = await asked.get().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: "BAD_ACCESS",
      message: expect.stringMatching(message),
      hint: expect.stringMatching(hint),
    });
    expect(String(error)).not.toContain("secret");
  });
});
