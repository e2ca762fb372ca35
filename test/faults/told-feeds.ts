import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { DebSpec } from "../fakes/make-deb.ts";
import { hour, type SmallFleet } from "./small-fleet.ts";

/** Feeds in files, which say what they are told to. */
export interface ToldFeeds {
  /** What the configuration has. */
  readonly feeds: readonly { readonly kind: string; readonly from: string }[];
  /** An advisory of a source package: every version below `fixed` is touched. */
  readonly tell: (
    id: string,
    source: string,
    fixed?: string,
    more?: Readonly<Record<string, unknown>>,
  ) => Promise<void>;
  /** All that is known to be exploited, from now on. */
  readonly exploited: (...ids: readonly string[]) => Promise<void>;
}

const other = "CVE-2099-8888";

/** OSV and KEV feeds of a small fleet, each with an entry that is about nothing it has. */
export async function createToldFeeds(small: SmallFleet): Promise<ToldFeeds> {
  const [osv, kev] = [join(small.folder, "osv"), join(small.folder, "kev.json")];
  await mkdir(osv);
  const exploited: ToldFeeds["exploited"] = (...ids) => {
    const vulnerabilities = [other, ...ids].map((cveID) => ({ cveID, dateAdded: "2026-01-02", dueDate: "2026-01-23" }));
    const count = vulnerabilities.length;
    const dateReleased = new Date().toISOString();
    return writeFile(kev, JSON.stringify({ catalogVersion: "1", dateReleased, count, vulnerabilities }));
  };
  const tell: ToldFeeds["tell"] = (id, source, fixed = "1.0-2", more = {}) => {
    const at = new Date(Date.now() - hour).toISOString();
    const ranges = [{ type: "ECOSYSTEM", events: [{ introduced: "0" }, { fixed }] }];
    const affected = [{ package: { ecosystem: "Debian:12", name: source }, ranges }];
    const record = { schema_version: "1.7.0", id, published: at, modified: at, affected, ...more };
    return writeFile(join(osv, `${id}.json`), JSON.stringify(record));
  };
  await tell("CVE-2099-9999", "something-else");
  await exploited();
  const feeds = [
    { kind: "osv", from: osv },
    { kind: "kev", from: kev },
  ];
  return { feeds, tell, exploited };
}

const release = { path: "usr/lib/os-release", content: 'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=small\n' };

/** `packages`, of which small-base says that it is Debian 12: the release that advisories speak of. */
export function asDebian(packages: readonly DebSpec[]): DebSpec[] {
  return packages.map((one) =>
    one.name === "small-base" ? { ...one, entries: [...(one.entries ?? []), release] } : one,
  );
}
