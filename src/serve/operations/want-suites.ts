import type { AptSource, SuiteRequest } from "../../core/inventory/index.ts";
import { DistroError, type Mirrors, type SuiteSource } from "../../io/distro/index.ts";
import { printable } from "../../lib/index.ts";

const maxForeign = 2;
const maxComponents = 8;

/** One mirror, as it is asked. */
export interface Place {
  readonly source: SuiteSource;
  /** Named by the image, on a host that the system does not know. */
  readonly isForeign: boolean;
}

/** One suite, and every mirror that may have it. */
export interface WantedSuite {
  readonly suite: string;
  /** In the order in which they are asked. */
  readonly places: readonly Place[];
}

/** Refuses names that would become other paths: WRONG_SUITE. */
export function requireNames(request: SuiteRequest): SuiteRequest {
  const { codename, architecture } = request;
  if (/^[a-z][a-z0-9]{1,40}$/.test(codename) && /^[a-z0-9][a-z0-9-]{1,40}$/.test(architecture)) return request;
  const said = printable(`${codename} (${architecture})`.slice(0, 100));
  throw new DistroError("WRONG_SUITE", `${said} is no release of Debian`);
}

/**
 * The image's suites but for backports, of which apt takes nothing unasked, and with the security suite, which an image may lack and its users should not.
 */
export function suitesToAsk({ codename, suites }: SuiteRequest, notes: Set<string>): string[] {
  const security = `${codename}-security`;
  const named = suites.filter((suite) => isSuite(suite) && !suite.includes("-backports"));
  if (suites.length > 0 && !named.includes(security))
    notes.add(`the image's apt sources do not name ${security}: a rebuild brings nothing of it before they do`);
  return [...new Set([...named, security])].slice(0, 8);
}

/** Where `suite` is asked for: at the mirrors that the image names, then at the system's. */
export function wantSuite(
  suite: string,
  request: SuiteRequest,
  keys: readonly Uint8Array[],
  system: Mirrors | undefined,
): WantedSuite {
  const { architecture, sources } = request;
  const isSecurity = suite.endsWith("-security");
  const own = sources.filter((one) => fits(one, suite, architecture));
  const components = [...new Set(own.flatMap((one) => one.components.filter(isComponent)))].slice(0, maxComponents);
  const sourceAt = (mirror: string): SuiteSource => ({
    name: suite,
    mirror,
    suite,
    codename: suite,
    components: components.length === 0 ? ["main"] : components,
    architectures: [architecture],
    keys,
    security: isSecurity,
  });
  const known = system === undefined ? [] : [hostOf(system.main), hostOf(system.security)];
  const mirrors = [...new Set(own.map(({ uri }) => uri))].filter(isPlainAddress).slice(0, maxForeign);
  const places = mirrors.map((mirror) => ({ source: sourceAt(mirror), isForeign: !known.includes(hostOf(mirror)) }));
  const fallback = isSecurity ? system?.security : system?.main;
  if (fallback !== undefined && !mirrors.includes(fallback))
    places.push({ source: sourceAt(fallback), isForeign: false });
  return { suite, places };
}

function fits(source: AptSource, suite: string, architecture: string): boolean {
  const { architectures } = source;
  return source.suite === suite && (architectures.length === 0 || architectures.includes(architecture));
}

function isSuite(name: string): boolean {
  return name.length <= 80 && /^[a-z0-9]+(?:-[a-z]+)*$/.test(name);
}

function isComponent(name: string): boolean {
  return /^[a-z0-9][a-z0-9-]{0,40}$/.test(name);
}

/** Whether `uri` is http or https, with nothing secret or odd in it. */
function isPlainAddress(uri: string): boolean {
  if (uri.length > 500 || !URL.canParse(uri)) return false;
  const { protocol, username, password, search, hash } = new URL(uri);
  return /^https?:$/.test(protocol) && [username, password, search, hash].every((part) => part === "");
}

/** Host and port of an address, which never are a secret. */
export function hostOf(uri: string): string {
  return new URL(uri).host;
}
