import { execFile } from "node:child_process";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { needs } from "../../../../test/needs.ts";
import { createBuildctlBuilder, type BuildctlBuilderOptions } from "./buildctl-builder.ts";
import { amd64, missingEngines, startBuildkitd, type Buildkitd } from "./testdata/build-site.ts";
import { defaultBuildLimits, type BuildRequest } from "./types.ts";
import { freePort } from "../../../../test/free-port.ts";

const run = promisify(execFile);
const missing = await missingEngines();
const itWith = needs(missing.buildctl);

let dir: string;
let request: BuildRequest;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "tidemill-buildctl-"));
  await writeFile(join(dir, "a"), "a\n");
  const dockerfile = "FROM scratch\nCOPY a /a\n";
  request = {
    name: "web",
    context: dir,
    targets: [{ platform: amd64, dockerfile }],
    network: "none",
    limits: { ...defaultBuildLimits, timeoutMs: 30_000 },
  };
});
afterAll(() => rm(dir, { recursive: true, force: true }));

function builder(options: Partial<BuildctlBuilderOptions>): ReturnType<typeof createBuildctlBuilder> {
  return createBuildctlBuilder({
    instance: "t",
    dir: join(dir, "engine"),
    env: { PATH: process.env["PATH"] },
    address: "tcp://127.0.0.1:1",
    ...options,
  });
}

const build = (by: ReturnType<typeof builder>, change: Partial<BuildRequest> = {}): Promise<unknown> =>
  by
    .build({ ...request, ...change }, () => undefined, new AbortController().signal)
    .then(async (result) => {
      await result.close();
      return result.mediaType;
    });

describe("a buildkitd elsewhere, by address and TLS", () => {
  let daemon: Buildkitd | undefined;
  const pem = (name: string): string => join(dir, `${name}.pem`);
  beforeAll(async () => {
    if (missing.buildctl !== undefined) return;
    const openssl = (...args: string[]): Promise<unknown> => run("openssl", args, { cwd: dir });
    for (const name of ["ca", "other"])
      await openssl(
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-keyout",
        `${name}-key.pem`,
        "-out",
        `${name}.pem`,
        "-subj",
        `/CN=${name}`,
        "-days",
        "2",
      );
    await writeFile(join(dir, "san"), "subjectAltName=DNS:buildkitd.example\n");
    for (const name of ["server", "client"]) {
      await openssl(
        "req",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-keyout",
        `${name}-key.pem`,
        "-out",
        `${name}.csr`,
        "-subj",
        `/CN=${name}`,
      );
      await openssl(
        "x509",
        "-req",
        "-in",
        `${name}.csr`,
        "-CA",
        "ca.pem",
        "-CAkey",
        "ca-key.pem",
        "-CAcreateserial",
        "-out",
        `${name}.pem`,
        "-days",
        "2",
        "-extfile",
        "san",
      );
    }
    const port = await freePort();
    daemon = await startBuildkitd(`/tmp/tidemill-buildkitd-tls-${process.pid}`, `tcp://127.0.0.1:${port}`, [
      `--tlscacert=${pem("ca")}`,
      `--tlscert=${pem("server")}`,
      `--tlskey=${pem("server-key")}`,
    ]);
  }, 300_000);
  afterAll(() => daemon?.close());

  itWith("builds with the right certificates, and says what is wrong with others", async () => {
    const reach = { program: daemon?.program ?? "", address: daemon?.address ?? "" };
    const tls = { ca: pem("ca"), cert: pem("client"), key: pem("client-key"), serverName: "buildkitd.example" };
    const right = builder({ ...reach, tls });
    expect(await right.missing()).toBeUndefined();
    expect(await build(right)).toMatch(/image\.manifest/);
    for (const wrong of [
      { ...tls, ca: pem("other") },
      { ca: tls.ca, serverName: tls.serverName },
      { ...tls, serverName: "another.example" },
    ]) {
      const by = builder({ ...reach, tls: wrong });
      expect(await by.missing()).toMatch(/^buildkitd at tcp:.* does not answer/);
      await expect(build(by)).rejects.toMatchObject({ code: "ENGINE_UNAVAILABLE", retry: true });
    }
  });

  itWith("that is not there is told, and asked for again", async () => {
    const by = builder({ program: daemon?.program ?? "" });
    expect(await by.missing()).toMatch(/does not answer/);
    await expect(build(by)).rejects.toMatchObject({ code: "ENGINE_UNAVAILABLE", retry: true });
  });
});

describe("buildctl", () => {
  it("that is not installed is named", async () => {
    const by = builder({ program: "buildctl-that-is-not-there" });
    expect(await by.missing()).toBe("buildctl-that-is-not-there is not installed");
    await expect(build(by)).rejects.toMatchObject({ code: "ENGINE_UNAVAILABLE" });
  });

  it("is called with all that a request says, and with nothing of our environment", async () => {
    const program = join(dir, "records");
    await writeFile(program, `#!/bin/sh\nprintf '%s\\n' "$@" > ${dir}/args\nenv > ${dir}/env\nexit 1\n`);
    await chmod(program, 0o755);
    const tls = { ca: "/c/ca.pem", cert: "/c/cert.pem", key: "/c/key.pem", serverName: "s.example" };
    const by = builder({
      program,
      address: "tcp://b.example:1234",
      tls,
      cgroupParent: "/tidemill",
      env: { PATH: process.env["PATH"], DATABASE_URL: "x", TOKEN: "s3cret" },
    });
    const change: Partial<BuildRequest> = {
      stage: "top",
      args: { A: "b c" },
      labels: { l: "v=w" },
      network: "host",
      noCache: true,
      sourceDateEpoch: 7,
      secrets: [{ id: "t", env: "TOKEN" }],
      ignoreFile: "x\n",
    };
    await expect(build(by, change)).rejects.toMatchObject({ name: "BuildError" });
    const work = `${dir}/engine/builds/build-XXXXXX`;
    const args = (await readFile(join(dir, "args"), "utf8"))
      .replaceAll(/build-[A-Za-z0-9]{6}(?=\/)/g, "build-XXXXXX")
      .trim()
      .split("\n");
    expect(args).toEqual([
      "--addr=tcp://b.example:1234",
      "--tlscacert=/c/ca.pem",
      "--tlscert=/c/cert.pem",
      "--tlskey=/c/key.pem",
      "--tlsservername=s.example",
      "build",
      "--progress=plain",
      "--frontend=dockerfile.v0",
      `--local=context=${dir}`,
      `--local=dockerfile=${work}/dockerfile-0`,
      "--opt=filename=Dockerfile",
      "--opt=platform=linux/amd64",
      "--opt=target=top",
      "--opt=force-network-mode=host",
      "--opt=cgroup-parent=/tidemill",
      "--opt=build-arg:SOURCE_DATE_EPOCH=7",
      "--opt=build-arg:A=b c",
      "--opt=label:l=v=w",
      "--allow=network.host",
      "--no-cache",
      `--secret=id=t,src=${work}/secrets/0`,
      "--output=type=oci,dest=-",
    ]);
    expect(await readFile(join(dir, "env"), "utf8")).not.toMatch(/DATABASE_URL|s3cret/);
  });
});
