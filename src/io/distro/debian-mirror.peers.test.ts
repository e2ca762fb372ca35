import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { findDebianMirror } from "../../../test/apt/debian-mirror.ts";
import { needs } from "../../../test/needs.ts";
import { systemClock } from "../../lib/index.ts";
import { createDistro, debianSources, readDeb } from "./index.ts";

const mirror = findDebianMirror();
const missing = mirror === undefined ? "no Debian mirror is known" : undefined;

describe("a suite of Debian", () => {
  needs(missing)("is fetched, verified, not fetched again, and gives a package", async () => {
    const dir = await mkdtemp(join(tmpdir(), "tidemill-debian-"));
    try {
      const request = { name: "debian", codename: "bookworm", components: ["main"], architectures: ["amd64"] };
      const archives = { mirror: mirror?.archive, securityMirror: mirror?.security };
      const [source] = await debianSources({ ...request, ...archives, suites: ["security"] }, {});
      const distro = createDistro({ dir, clock: systemClock });
      const { generation } = await distro.refresh(source!);
      expect(generation.codename).toBe("bookworm-security");
      expect((await distro.refresh(source!)).kind).toBe("unchanged");
      const universe = await distro.universe([generation], "amd64");
      const [record] = universe.versions("libexpat1");
      const deb = await readDeb(await distro.fetchPackage(record!, source!));
      expect(deb.control.get("version")).toBe(record!.version);
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  });
});
