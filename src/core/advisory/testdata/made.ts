import { sha256 } from "../../../lib/index.ts";
import type { InstalledPackage, Inventory, OsRelease, PackageType } from "../../inventory/index.ts";
import { parseOsvRecord } from "../osv.ts";
import type { Advisory, Finding } from "../types.ts";

/** The advisory in an OSV record; throws where it is bad. */
export function madeAdvisory(value: object): Advisory {
  const parsed = parseOsvRecord({ schema_version: "1.7.0", modified: "2024-01-01T00:00:00Z", ...value });
  if (parsed.kind === "bad") throw new Error(parsed.problem);
  return parsed.advisory;
}

/** A record of one package that is affected from the beginning, until `fixed` where it is given. */
export function madeRecord(
  id: string,
  ecosystem: string,
  name: string,
  fixed: string | undefined,
  more: object = {},
): Advisory {
  const events = [{ introduced: "0" }, ...(fixed === undefined ? [] : [{ fixed }])];
  return madeAdvisory({ id, affected: [{ package: { ecosystem, name }, ranges: [{ type: "ECOSYSTEM", events }] }], ...more });
}

export function madeOs(id: string, versionId?: string, more: Partial<OsRelease> = {}): OsRelease {
  return { id, versionId, codename: undefined, prettyName: undefined, ...more };
}

export function madePackage(
  type: PackageType,
  name: string,
  version: string,
  more: Partial<InstalledPackage> = {},
): InstalledPackage {
  const rest = { architecture: "amd64", source: name, sourceVersion: version, layer: sha256("") };
  return { type, name, version, ...rest, ...more };
}

export function madeInventory(os: OsRelease | undefined, ...packages: InstalledPackage[]): Inventory {
  const platform = { os: "linux", architecture: "amd64" };
  return { platform, os, packages, status: "complete", system: "complete", problems: [] };
}

export function madeFinding(id: string, more: Partial<Finding> = {}): Finding {
  return {
    id,
    aliases: [],
    upstream: [],
    package: "libssl3",
    type: "deb",
    architecture: "amd64",
    source: "openssl",
    version: "3.0.9-1",
    state: "affected",
    fixed: undefined,
    published: undefined,
    summary: "",
    ...more,
  };
}
