/** Debian's releases: codename and the number that os-release and OSV know it by. */
const releases = new Map([
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
