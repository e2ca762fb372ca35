import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { needs } from "../../../test/needs.ts";
import { findNamespaces } from "./isolation.ts";
import { bumpTrees, noProgram, writeExecutable } from "./testdata/bump-tree.ts";

const secret = "swordfish-4711";
const files = { "requirements.txt": "idna==3.6\n" };
const idna = { type: "pypi", package: "idna", moves: [{ from: "3.6", to: "3.7" }], file: "requirements.txt" } as const;
const noNamespaces = (await findNamespaces([], "/tmp")) === undefined ? "namespaces of Linux" : undefined;
const noDocker = noProgram("docker", "info");

describe("a package manager that is hostile itself", () => {
  const { bump, newFolder } = bumpTrees();
  let neighbour: ReturnType<typeof spawn> | undefined;
  beforeAll(() => {
    neighbour = spawn("sleep", ["60"], { env: { ...process.env, TIDEMILL_GIT_TOKEN: secret }, stdio: "ignore" });
  });
  afterAll(() => {
    neighbour?.kill("SIGKILL");
  });

  needs(noNamespaces)(
    "sees no other process and nothing of the state, and leaves none behind",
    async () => {
      const state = await newFolder();
      const [dir, canary] = [join(state, "cache/tools"), join(await newFolder(), "canary")];
      await mkdir(dir, { recursive: true });
      await writeFile(join(state, "key"), secret);
      const program = join(await newFolder(), "uv");
      await writeExecutable(
        program,
        `#!/bin/sh
[ "$1" = --version ] && { echo uv 1.0.0; exit; }
(setsid sh -c 'sleep 1; touch ${canary}' &)
echo "environments: $(cat /proc/[0-9]*/environ | tr '\\0' '\\n' | grep -c ${secret})" >&2
echo "state: $(ls ${state})$(cat ${state}/key 2>/dev/null)" >&2
echo "rights: $(grep CapEff /proc/self/status | tr -d '\\t')" >&2
umount ${state} 2>/dev/null && echo "laid open" >&2
echo "home: $(ls "$HOME" | tr '\\n' ' ')" >&2
exit 1
`,
      );
      const asked = { ...idna, programs: { uv: program } };
      const { end } = await bump(files, asked, undefined, dir, [state]);
      expect(end).toEqual({
        kind: "refused",
        reason:
          "uv ended with status 1: environments: 0; state: cache; rights: CapEff:0000000000000000; home: constraints.in requirements.in",
      });
      const open = await bump(files, asked, undefined, dir);
      expect(open.end).toMatchObject({
        reason: expect.stringContaining(secret) as string,
      });
      await new Promise((resolve) => setTimeout(resolve, 1200));
      expect(await stat(canary).catch(() => undefined)).toBeUndefined();
    },
    60_000,
  );

  const image = `tidemill-bump-test:${process.pid}`;
  const none = noDocker ?? noProgram("go", "version");
  beforeAll(async () => {
    if (none !== undefined) return;
    const folder = await newFolder();
    await mkdir(join(folder, "bin"));
    // What a shell can tell by itself.
    await writeExecutable(
      join(folder, "bin/uv"),
      `#!/bin/sh
[ "$1" = --version ] && { echo uv 1.0.0; exit; }
while read -r name value; do case $name in CapEff:|NoNewPrivs:) echo "$name $value" >&2 ;; esac; done </proc/self/status
(echo x >/bin/written) 2>/dev/null && echo "wrote to its root" >&2
count=0; for one in /proc/[0-9]*; do count=$((count + 1)); done; [ $count -gt 5 ] && echo "sees $count processes" >&2
echo "secret: $TIDEMILL_GIT_TOKEN" >&2
exit 1
`,
    );
    const goroot = execFileSync("go", ["env", "GOROOT"], { encoding: "utf8" }).trim();
    const shell = execFileSync("sh", ["-c", "readlink -f /bin/sh; ldd /bin/sh | grep -o '/[^ ]*'"], {
      encoding: "utf8",
    });
    const paths = [
      "/bin/sh",
      ...shell.split("\n"),
      "/etc/ssl/certs/ca-certificates.crt",
      `${goroot}/bin/go`,
      `${goroot}/VERSION`,
      `${goroot}/go.env`,
    ].filter((path) => path !== "");
    const tar = spawnSync(
      "tar",
      [
        "--create",
        "--dereference",
        "--directory",
        "/",
        ...paths.map((path) => path.slice(1)),
        "--directory",
        folder,
        "bin/uv",
      ],
      { maxBuffer: 400_000_000 },
    );
    execFileSync(
      "docker",
      [
        "import",
        "--change",
        `ENV GOROOT=${goroot} PATH=/bin:${goroot}/bin GOPROXY=${execFileSync("go", ["env", "GOPROXY"], { encoding: "utf8" }).trim()}`,
        "-",
        image,
      ],
      { input: tar.stdout, stdio: ["pipe", "pipe", "pipe"] },
    );
  }, 120_000);
  afterAll(() => {
    if (none === undefined) spawnSync("docker", ["image", "rm", "--force", image]);
  });

  needs(none)(
    "in a container has no rights, no root to write to, and no container left when it is gone",
    async () => {
      const container = { image, network: "bridge" };
      const { end } = await bump(files, { ...idna, container });
      expect(end).toEqual({
        kind: "refused",
        reason: "uv ended with status 1: CapEff: 0000000000000000; NoNewPrivs: 1; secret:",
      });
      const late = await bump(files, { ...idna, container: { image: "tidemill-bump-test:none", network: "none" } });
      expect(late.end).toMatchObject({
        kind: "failed",
        reason: expect.stringContaining("uv cannot be run in a container of tidemill-bump-test:none") as string,
      });
      expect(
        execFileSync(
          "docker",
          ["ps", "--all", "--quiet", "--filter", "label=tidemill.bump", "--filter", `ancestor=${image}`],
          { encoding: "utf8" },
        ),
      ).toBe("");
    },
    60_000,
  );

  needs(none)(
    "has Go's own work done in a container",
    async () => {
      const mod = "module shop.example/web\n\ngo 1.18\n\nrequire golang.org/x/text v0.3.5\n";
      const { end, files: changed } = await bump(
        { "go.mod": mod, "go.sum": "" },
        {
          type: "golang",
          package: "golang.org/x/text",
          moves: [{ from: "v0.3.5", to: "v0.3.8" }],
          file: "go.mod",
          container: { image, network: "bridge" },
        },
      );
      expect(end).toMatchObject({ kind: "made" });
      expect(changed["go.mod"]).toBe(mod.replace("v0.3.5", "v0.3.8"));
    },
    60_000,
  );
});
