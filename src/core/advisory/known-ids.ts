const cve = /^CVE-\d{4}-\d{4,19}$/;
const announcement = /^D[SL]A-\d{1,9}(?:-\d{1,9})?$/;

/** The ids that readers know a vulnerability by, sorted: its CVEs, and the DSA or DLA that tells of it; its own id where it has neither. */
export function knownIds(one: {
  readonly id: string;
  readonly aliases: readonly string[];
  readonly upstream: readonly string[];
}): string[] {
  const names = [one.id, ...one.aliases, ...one.upstream].filter((name) => cve.test(name) || announcement.test(name));
  return names.length === 0 ? [one.id] : [...new Set(names)].sort();
}
