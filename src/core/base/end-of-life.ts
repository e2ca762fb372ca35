import type { OsRelease } from "../inventory/index.ts";
import { printable, type Instant } from "../../lib/index.ts";
import data from "./end-of-life.json" with { type: "json" };

/** One release of a distribution or runtime. */
export interface Release {
  /** `Debian`, `Node.js`. */
  readonly product: string;
  readonly version: string;
  readonly codename: string | undefined;
}

/** How long what an image is made of is still looked after, without a contract that is paid for. */
export type Support =
  | {
      readonly kind: "supported";
      readonly release: Release;
      readonly until: Instant;
      readonly successor: Release | undefined;
    }
  /** Nothing is mended any more but what is a matter of security. */
  | {
      readonly kind: "security-only";
      readonly release: Release;
      readonly until: Instant;
      readonly successor: Release | undefined;
    }
  | {
      readonly kind: "ended";
      readonly release: Release;
      readonly since: Instant;
      readonly successor: Release | undefined;
    }
  /** It has no releases, so it ends for who does not take its updates. */
  | { readonly kind: "rolling"; readonly product: string }
  /** Never to be shown as supported. */
  | { readonly kind: "unknown"; readonly reason: string };

interface ReleaseData {
  readonly version: string;
  readonly codename?: string;
  readonly released: string;
  readonly full?: string;
  readonly end?: string;
  readonly longTerm?: string;
}

interface ProductData {
  readonly name: string;
  readonly ids: readonly string[];
  readonly variable?: string;
  readonly depth: number;
  readonly rolling: boolean;
  readonly releases: readonly ReleaseData[];
}

const products: readonly ProductData[] = data.products;
const dayMs = 86_400_000;

/** Where the dates come from, and of which day they are. */
export const endOfLifeSource: { readonly name: string; readonly url: string; readonly retrieved: string } = data.source;

/** Until when the distribution of an image is supported, as seen at `now`. What os-release does not name, or the data that we ship does not have, is unknown. */
export function endOfLife(os: OsRelease | undefined, now: Instant): Support {
  if (os === undefined) return { kind: "unknown", reason: "it has no os-release" };
  const product = products.find(({ ids }) => ids.includes(os.id));
  if (product === undefined) return unknown(`no dates are known for ${os.id.slice(0, 60)}`);
  if (product.rolling) return { kind: "rolling", product: product.name };
  if (os.versionId === undefined)
    return { kind: "unknown", reason: `its os-release names no release of ${product.name}` };
  return supportOf(product, os.versionId, now);
}

/** The same for language runtimes that the environment of an image names (`NODE_VERSION=20.11.1`); those that it does not name are not in the list. */
export function runtimeEndOfLife(env: readonly string[], now: Instant): readonly Support[] {
  return products.flatMap((product) => {
    const prefix = `${product.variable}=`;
    const version = product.variable === undefined ? undefined : env.findLast((each) => each.startsWith(prefix));
    return version === undefined ? [] : [supportOf(product, version.slice(prefix.length), now)];
  });
}

/** The same as a sentence, its days the last ones of support. */
export function describeSupport(support: Support): string {
  switch (support.kind) {
    case "supported":
      return `${nameRelease(support.release)} is supported until ${dayOf(support.until - 1)}`;
    case "security-only":
      return `${nameRelease(support.release)} has security support only, until ${dayOf(support.until - 1)}`;
    case "ended":
      return `${nameRelease(support.release)} is not supported any more since ${dayOf(support.since)}`;
    case "rolling":
      return `${support.product} has no releases that end`;
    case "unknown":
      return `support is unknown: ${support.reason}`;
  }
}

/** Names in it are the image's own words. */
function unknown(reason: string): Support {
  return { kind: "unknown", reason: printable(reason) };
}

/** `Debian 12 (bookworm)`. */
export function nameRelease({ product, version, codename }: Release): string {
  return `${product} ${version}${codename === undefined ? "" : ` (${codename})`}`;
}

function dayOf(at: Instant): string {
  return new Date(at).toISOString().slice(0, 10);
}

function supportOf(product: ProductData, version: string, now: Instant): Support {
  const release = findRelease(product, version);
  if (release === undefined) return unknown(`no dates are known for ${product.name} ${version.slice(0, 60)}`);
  const shown = describe(product, release);
  if (release.end === undefined)
    return {
      kind: "unknown",
      reason: `no end of ${product.name} ${release.version} was announced by ${data.source.retrieved}`,
    };
  const [fullEnd, end] = [endOf(release.full ?? release.end), endOf(release.end)];
  const next = successorOf(product, release, now);
  const successor = next && describe(product, next);
  if (now >= end) return { kind: "ended", release: shown, since: end, successor };
  if (now >= fullEnd) return { kind: "security-only", release: shown, until: end, successor };
  return { kind: "supported", release: shown, until: fullEnd, successor };
}

/** `12.5` of Debian is `12`, `3.19.1` of Alpine `3.19`, `15` of SUSE `15.0`. What is not made of numbers is no release. */
function findRelease({ depth, releases }: ProductData, version: string): ReleaseData | undefined {
  if (version.length > 60 || !/^\d+(?:\.\d+)*$/.test(version)) return undefined;
  const cut = version.split(".").slice(0, depth).join(".");
  const names = [version, cut, `${cut}.0`];
  return names.map((name) => releases.find((one) => one.version === name)).find((found) => found !== undefined);
}

/** The newest release that is out and fully supported; where some are kept for long, the newest of those. */
function successorOf({ releases }: ProductData, release: ReleaseData, now: Instant): ReleaseData | undefined {
  const newer = releases.filter(
    (one) =>
      one.released > release.released &&
      Date.parse(one.released) <= now &&
      one.end !== undefined &&
      now < endOf(one.full ?? one.end),
  );
  const longTerm = newer.filter((one) => one.longTerm !== undefined && Date.parse(one.longTerm) <= now);
  return (longTerm.length > 0 ? longTerm : newer).toSorted((a, b) => (a.released < b.released ? 1 : -1))[0];
}

/** The end of a day in UTC: it is supported for all of its last day. */
function endOf(day: string): Instant {
  return Date.parse(day) + dayMs;
}

function describe({ name }: ProductData, { version, codename }: ReleaseData): Release {
  return { product: name, version, codename };
}
