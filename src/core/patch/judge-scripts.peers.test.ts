import { beforeAll, describe, expect } from "vitest";
import { emptyTree, extendTree } from "../inventory/index.ts";
import { makeLayer, type Sketch } from "../inventory/testdata/make-layer.ts";
import { PackageCollector, describePackage } from "../layer/index.ts";
import { readDeb } from "../../io/distro/index.ts";
import { missingMirror, realPackages, type RealPackages } from "../../loop/build/testdata/real-packages.ts";
import { needs } from "../../../test/needs.ts";
import { judgeScripts } from "./judge-scripts.ts";
import type { NewPackage, Original, OriginalPackage } from "./types.ts";

const missing = await missingMirror();
/** Commands of a usual image, one of which a script must name to do something. */
const commands =
  "rm mv cp ln mkdir rmdir touch chown chmod chgrp find xargs perl adduser addgroup groupadd groupmod useradd shadowconfig update-alternatives dpkg-divert dpkg-statoverride dpkg-trigger dpkg-maintscript-helper update-ca-certificates ldconfig py3compile install tee env pam-auth-update".split(
    " ",
  );
/** What their scripts do in an upgrade is nothing, or nothing that a patch does not make. */
const swapped =
  "openssl libssl3 libssl3t64 openssl-provider-legacy curl libcurl4 libcurl4t64 libcurl3-gnutls zlib1g libexpat1 libxml2 libgnutls30 libgnutls30t64 libgssapi-krb5-2 libkrb5-3 libk5crypto3 libkrb5support0 libsqlite3-0 sqlite3 libc6 libc-bin base-files ca-certificates tzdata perl-base perl libpam-modules libpam0g passwd bash apt libsystemd0 libudev1 git nginx libcap2 gpgv liblzma5 xz-utils libgcrypt20 libpcre2-8-0 libtasn1-6 libnghttp2-14 libssh2-1 libstdc++6 util-linux mount".split(
    " ",
  );
/** Theirs must run, for this. */
const run: Readonly<Record<string, readonly (readonly [string, RegExp])[]>> = {
  bookworm: [
    ["python3.11-minimal", /postinst calls/],
    ["libpython3.11-stdlib", /prerm calls rm/],
    ["dpkg", /postinst/],
    ["openssh-client", /postinst calls chgrp/],
    ["nginx-common", /preinst calls rm/],
  ],
  trixie: [
    ["dpkg", /postinst writes a file/],
    ["libpython3.13-stdlib", /prerm calls/],
    ["openssh-server", /postinst/],
  ],
};

describe.each(["bookworm", "trixie"])(
  "the maintainer scripts of %s, in an upgrade to the same but newer",
  (codename) => {
    let real: RealPackages;
    beforeAll(async () => {
      if (missing === undefined) real = await realPackages([codename, `${codename}-updates`, `${codename}-security`]);
    });

    /** Why they must run, when the scripts of the old version are the same. */
    async function reasonsOf(name: string): Promise<string[] | undefined> {
      const [record] = real.universe.versions(name);
      if (record === undefined) return undefined;
      const deb = await readDeb(await real.fetch(record));
      const collected = new PackageCollector(name);
      await deb.readData(collected);
      const facts = describePackage(deb.control, deb.controlText, deb.members, collected);
      const files = new Map([...deb.members].map(([file, bytes]) => [file, bytes.toString("latin1")]));
      const info = `var/lib/dpkg/info/${name}`;
      const layer: Sketch[] = [
        ...commands.map((command) => ({ path: `usr/bin/${command}` })),
        ...[...files].map(([file, text]) => ({ path: `${info}.${file}`, text })),
        ...facts.entries
          .filter(({ path }) => /^usr\/share\/(?:base-files|libc-bin)\//.test(path))
          .map(({ path, sha256 = "" }) => ({ path, sha256 })),
        ...["lzma", "pager", "builtins.7.gz", "awk"].map((each) => ({ path: `etc/alternatives/${each}`, link: "/x" })),
        { path: "etc/passwd", text: "root:x:0:0\n_apt:x:100:65534\n" },
        { path: "etc/group", text: "root:x:0:\nshadow:x:42:\n" },
        { path: "var/lib/dpkg/triggers/File", text: "/usr/share/man man-db\n" },
        { path: "var/lib/dpkg/triggers/ldconfig", text: "libc-bin\n" },
      ];
      const tree = extendTree(emptyTree, makeLayer("image", layer));
      const { version: to, architecture, source } = record;
      const from = to.replace(/(\d+)$/, (number) => String(Math.max(Number(number) - 1, 0)));
      const old = { name, version: from, info, paths: [] } as unknown as OriginalPackage;
      const original = { tree, database: "status", packages: [old] } as unknown as Original;
      const next: NewPackage = { swap: { name, architecture, source, from, to, record }, facts, files, steps: [] };
      return judgeScripts({ original, old, next });
    }

    needs(missing)(
      "of what people care about have nothing to do",
      async () => {
        const found: [string, string[]][] = [];
        for (const name of swapped) {
          const reasons = await reasonsOf(name);
          if (reasons !== undefined && reasons.length > 0) found.push([name, reasons]);
        }
        expect(found).toEqual([]);
      },
      200_000,
    );

    needs(missing)(
      "of others have, and it is said what",
      async () => {
        for (const [name, why] of run[codename] ?? [])
          expect(`${name}: ${(await reasonsOf(name))?.join("; ")}`).toMatch(why);
      },
      200_000,
    );
  },
);
