import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { PackageFacts } from "../types.ts";
import { generateEntries, type GenerateInput } from "./generate-entries.ts";
import { makeFacts } from "./testdata/make-facts.ts";

const subjects = join(import.meta.dirname, "testdata/subjects");
const input = (packages: readonly PackageFacts[], change: Partial<GenerateInput> = {}): GenerateInput => ({
  packages,
  architecture: "amd64",
  accounts: [],
  allocated: new Map(),
  ...change,
});

/** Path to link, text, or mode and owner of a folder. */
function made(packages: readonly PackageFacts[], change: Partial<GenerateInput> = {}): Map<string, string> {
  return new Map(
    generateEntries(input(packages, change)).map(({ path, kind, mode, uid, gid, link, content }) => [
      path,
      link ?? (kind === "directory" ? `${mode.toString(8)} ${uid}:${gid}` : (content?.toString() ?? "")),
    ]),
  );
}

const certificates = readdirSync(subjects).map((file) => [file, readFileSync(join(subjects, file), "utf8")] as const);
const caCertificates = (names: readonly (readonly [name: string, text: string])[]): PackageFacts =>
  makeFacts("ca-certificates", [], {
    kept: Object.fromEntries(names.map(([name, text]) => [`usr/share/ca-certificates/${name}`, text])),
  });

const tzdata = makeFacts("tzdata", ["usr/share/zoneinfo/Europe/Berlin"]);

describe("generateEntries", () => {
  it("makes nothing where no package asks for anything", () => {
    expect(generateEntries(input([]))).toEqual([]);
    expect(generateEntries(input([makeFacts("busybox-static", ["usr/bin/busybox"])]))).toEqual([]);
  });

  it("gives the same entries for the packages in another order, each path once, folders first, of one time", () => {
    const packages = [
      makeFacts("base-files", ["usr/share/info/", "etc/dpkg/origins/debian"], {
        version: "12.4",
        kept: { "usr/share/base-files/motd": "hello\n", "usr/share/base-files/info.dir": "info\n" },
      }),
      makeFacts("tzdata"),
      makeFacts("dash", ["usr/bin/sh -> dash"]),
      makeFacts("netbase"),
      makeFacts("login", [], { version: "1:4.13" }),
      makeFacts("nginx-common", ["var/log/nginx/", "etc/nginx/sites-enabled/", "etc/nginx/sites-available/default"]),
      caCertificates(certificates.map(([file, text]) => [`x/${file.slice(0, -4)}.crt`, text])),
    ];
    const entries = generateEntries(input(packages));
    expect(generateEntries(input(packages.toReversed()))).toEqual(entries);
    const paths = entries.map(({ path }) => path);
    expect(new Set(paths).size).toBe(paths.length);
    expect(new Set(entries.map(({ mtime }) => mtime))).toEqual(new Set([946_684_800]));
    const shipped = new Set(packages.flatMap((facts) => facts.entries.map(({ path }) => path)));
    expect(paths.filter((path) => shipped.has(path))).toEqual(["var/log/nginx"]);
    paths.forEach((path, index) => {
      const parent = path.slice(0, Math.max(0, path.lastIndexOf("/")));
      expect(parent === "" || shipped.has(parent) || paths.indexOf(parent) < index).toBe(true);
      expect(parent === "" || paths.includes(parent) || shipped.has(parent)).toBe(true);
    });
    expect(Object.fromEntries(made(packages))).toMatchObject(
      Object.fromEntries([
        ["etc/motd", "hello\n"],
        ["usr/share/info/dir", "info\n"],
        ["etc/dpkg/origins/default", "debian"],
        ["var/mail", "2775 0:8"],
        ["usr/local/man", "share/man"],
        ["var/log/nginx", "755 0:4"],
        ["etc/nginx/sites-enabled/default", "/etc/nginx/sites-available/default"],
      ]),
    );
  });

  it.each([
    ["12.4", undefined, "/usr/share/zoneinfo/Etc/UTC", "Etc/UTC\n"],
    ["12.4", "Europe/Berlin", "/usr/share/zoneinfo/Europe/Berlin", "Europe/Berlin\n"],
    ["13.8", "Europe/Berlin", "/usr/share/zoneinfo/Europe/Berlin", undefined],
  ])("base-files %s and the time zone %s", (version, timezone, link, text) => {
    const files = made([makeFacts("base-files", [], { version }), tzdata], { timezone });
    expect(files.get("etc/localtime")).toBe(link);
    expect(files.get("etc/timezone")).toBe(text);
  });

  it("refuses a time zone that no package has, and says what to do", () => {
    expect(() => made([tzdata], { timezone: "Europe/Berln" })).toThrow(
      "no package of the image has the time zone Europe/Berln",
    );
    expect(() => made([], { timezone: "Europe/Berlin" })).toThrow(
      expect.objectContaining({ code: "BAD_REQUEST", hint: "Add the package tzdata." }),
    );
  });

  it("lists every certificate, bundles them by name, and links each by name and by the hash of its subject", () => {
    const [first = "", second = ""] = certificates.map(([, text]) => text);
    const files = made([
      caCertificates([
        ["mozilla/b (2), x.crt", first.trimEnd()],
        ["mozilla/a.crt", second],
        ["other/c.crt", second],
        ["mozilla/README.crt", "no certificate\n"],
      ]),
    ]);
    expect(files.get("etc/ca-certificates.conf")?.split("\n").slice(-5)).toEqual([
      "mozilla/README.crt",
      "mozilla/a.crt",
      "mozilla/b (2), x.crt",
      "other/c.crt",
      "",
    ]);
    expect(files.get("etc/ssl/certs/ca-certificates.crt")).toBe(`no certificate\n${second}${first}${second}`);
    expect(files.get("etc/ssl/certs/b_=2=__x.pem")).toBe("/usr/share/ca-certificates/mozilla/b (2), x.crt");
    const hashes = [...files].filter(([path]) => /\/[0-9a-f]{8}\.\d+$/.test(path));
    const hashOf = (index: number): string => /-(\w+)\.pem/.exec(certificates[index]?.[0] ?? "")?.[1] ?? "";
    // The same certificate under two names has one link.
    expect(Object.fromEntries(hashes)).toEqual({
      [`etc/ssl/certs/${hashOf(0)}.0`]: "b_=2=__x.pem",
      [`etc/ssl/certs/${hashOf(1)}.0`]: "a.pem",
    });
  });

  it("lists the shells of packages in both places of a merged /usr", () => {
    const files = made([
      makeFacts("debianutils", [], {
        kept: { "usr/share/debianutils/shells": "# /etc/shells\n/bin/sh\n/usr/bin/sh\n" },
      }),
      makeFacts("bash", [], { kept: { "usr/share/debianutils/shells.d/bash": "/bin/bash\n/bin/rbash # not free\n" } }),
    ]);
    expect(files.get("etc/shells")).toBe(
      "# /etc/shells\n/bin/sh\n/usr/bin/sh\n/bin/bash\n/usr/bin/bash\n/bin/rbash\n/usr/bin/rbash\n",
    );
    expect(files.get("var/lib/shells.state")).toBe(
      "/bin/sh\n/usr/bin/sh\n/bin/bash\n/usr/bin/bash\n/bin/rbash\n/usr/bin/rbash\n",
    );
  });

  it("says what dash diverts where dpkg would ask, before it stopped to", () => {
    const diversions = "var/lib/dpkg/diversions";
    const dpkg = makeFacts("dpkg");
    const dash = (version: string): PackageFacts => makeFacts("dash", ["usr/share/man/man1/sh.1.gz"], { version });
    expect(made([dpkg, dash("0.5.12-2")]).get(diversions)).toBe(
      "/usr/share/man/man1/sh.1.gz\n/usr/share/man/man1/sh.distrib.1.gz\ndash\n/bin/sh\n/bin/sh.distrib\ndash\n",
    );
    expect(made([dpkg, dash("0.5.12-12")]).has(diversions)).toBe(false);
    expect(made([dash("0.5.12-2")]).has(diversions)).toBe(false);
  });
});
