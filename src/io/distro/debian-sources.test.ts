import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { debianSources, findMirrors, shippedKeyring, type DebianSourcesRequest } from "./index.ts";

let etc: string;

beforeEach(async () => {
  etc = await mkdtemp(join(tmpdir(), "tidemill-apt-"));
  await mkdir(join(etc, "sources.list.d"));
});
afterEach(() => rm(etc, { recursive: true, force: true }));

const suites = ["release", "updates", "security"] as const;
const request: DebianSourcesRequest = {
  name: "debian",
  codename: "bookworm",
  suites,
  components: ["main"],
  architectures: ["amd64"],
  mirror: "http://mirror.invalid/debian/",
};

describe("debianSources", () => {
  it("gives each suite its codename, its archive and the keys of its release", async () => {
    const sources = await debianSources(request, {});
    expect(sources.map(({ name, mirror, codename, security }) => [name, mirror, codename, security])).toEqual([
      ["debian/bookworm", "http://mirror.invalid/debian/", "bookworm", false],
      ["debian/bookworm-updates", "http://mirror.invalid/debian/", "bookworm-updates", false],
      ["debian/bookworm-security", "http://mirror.invalid/debian-security", "bookworm-security", true],
    ]);
    const keys = await readFile(shippedKeyring("bookworm"));
    expect(sources.every((source) => keys.equals(source.keys[0] ?? Buffer.alloc(0)))).toBe(true);
  });

  it("takes all suites of an archive of one's own from one place, unless another is named", async () => {
    const own = { ...request, codename: "tide", keyrings: [shippedKeyring("trixie")] };
    const env = { TIDEMILL_DEBIAN_SECURITY_MIRROR: "http://other.invalid" };
    const mirrors = async (change: Partial<DebianSourcesRequest>): Promise<string[]> =>
      (await debianSources({ ...own, ...change }, env)).map(({ mirror }) => mirror);
    expect(new Set(await mirrors({}))).toEqual(new Set([request.mirror]));
    const securityMirror = "http://security.invalid";
    expect(await mirrors({ securityMirror })).toEqual([request.mirror, request.mirror, securityMirror]);
  });

  it("says which keyring cannot be read", async () => {
    const keyrings = [join(etc, "no-such.gpg")];
    await expect(debianSources({ ...request, keyrings }, {})).rejects.toMatchObject({
      code: "BAD_KEYRING",
      message: expect.stringContaining("no-such.gpg") as string,
    });
    await expect(debianSources({ ...request, codename: "unknown" }, {})).rejects.toMatchObject({ code: "BAD_KEYRING" });
  });
});

describe("findMirrors", () => {
  it("asks the configuration, then the environment, then apt", async () => {
    await writeFile(
      join(etc, "sources.list"),
      "deb [arch=amd64] http://apt.invalid/debian bookworm main\ndeb http://sec.invalid/ds bookworm-security main\n",
    );
    const env = { TIDEMILL_DEBIAN_MIRROR: "http://env.invalid/debian" };
    const configured = { mirror: "http://own.invalid/debian", securityMirror: "http://own.invalid/fixes" };
    expect(await findMirrors(configured, env, etc)).toEqual({
      main: configured.mirror,
      security: configured.securityMirror,
    });
    expect(await findMirrors({}, env, etc)).toEqual({
      main: "http://env.invalid/debian",
      security: "http://env.invalid/debian-security",
    });
    expect(await findMirrors({}, {}, etc)).toEqual({
      main: "http://apt.invalid/debian",
      security: "http://sec.invalid/ds",
    });
  });

  it("reads deb822 sources, and passes over archives of others", async () => {
    await writeFile(
      join(etc, "sources.list.d/debian.sources"),
      "Types: deb\nURIs: http://apt.invalid/debian\nSuites: trixie trixie-updates\nComponents: main\n",
    );
    await writeFile(join(etc, "sources.list.d/aaa.list"), "deb http://vendor.invalid/apt nodistro main\n");
    expect(await findMirrors({}, {}, etc)).toEqual({
      main: "http://apt.invalid/debian",
      security: "http://apt.invalid/debian-security",
    });
  });

  it("says what to set where nobody names one", async () => {
    await expect(findMirrors({}, {}, etc)).rejects.toMatchObject({
      code: "NO_MIRROR",
      hint: expect.stringContaining("TIDEMILL_DEBIAN_MIRROR") as string,
    });
  });
});
