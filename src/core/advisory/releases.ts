/** Debian's releases: codename and the number that os-release and OSV know it by. */
const releases = new Map([
  ["wheezy", "7"],
  ["jessie", "8"],
  ["stretch", "9"],
  ["buster", "10"],
  ["bullseye", "11"],
  ["bookworm", "12"],
  ["trixie", "13"],
  ["forky", "14"],
  ["duke", "15"],
]);

/** The number of a Debian release; undefined for a codename that we do not know, as `sid`. */
export function releaseOf(codename: string): string | undefined {
  return releases.get(codename);
}

/** The OSV ecosystem of a Debian release, in lower case; undefined for a codename that we do not know. */
export function ecosystemOfCodename(codename: string): string | undefined {
  const release = releaseOf(codename);
  return release === undefined ? undefined : `debian:${release}`;
}
