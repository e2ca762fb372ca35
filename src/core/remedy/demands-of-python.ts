import { parentOf, type Asked, type FoundContent } from "../inventory/index.ts";
import { demandsOf, type Demand, type Demands } from "./demands.ts";
import {
  holdsIn,
  normalName,
  parsePythonMarker,
  type MarkerEnvironment,
  type PythonMarker,
  type Truth,
} from "./python-marker.ts";

/** A requirement of an installed project. */
interface Requirement {
  readonly file: string;
  readonly by: string;
  /** The project that has it, in its one spelling. */
  readonly project: string;
  /** What it asks for, likewise. */
  readonly wanted: string;
  readonly range: string;
  readonly extras: readonly string[];
  readonly when: string | undefined;
  /** Undefined where there is no marker, or it cannot be read. */
  readonly marker: PythonMarker | undefined;
}

/** What is installed in one folder: what is there is what is imported from there. PyPA, Recording installed projects. */
interface Site {
  readonly requirements: readonly Requirement[];
  readonly gaps: readonly string[];
  /** Extras that are wanted of a project: certainly, and perhaps. */
  readonly certain: Extras;
  readonly possible: Extras;
}

type Extras = ReadonlyMap<string, ReadonlySet<string>>;

/**
 * Who asks for a Python project, by its place. A requirement under a marker is one where the marker holds in the image; one of an extra where something installed wants that extra. What cannot be told
 * stays with its marker.
 */
export function createPythonDemands(
  contents: readonly FoundContent[],
  environmentOf: (site: string) => MarkerEnvironment,
): (path: string, name: string) => Demands {
  const sites = new Map<string, Site>();
  return (path, name) => {
    const folder = siteOf(path);
    const environment = environmentOf(folder);
    const site = sites.get(folder) ?? readSite(contents, folder, environment);
    sites.set(folder, site);
    const wanted = normalName(name);
    const asked = site.requirements.flatMap((one): Demand[] => {
      if (one.wanted !== wanted || truthOf(one, site.possible, environment) === false) return [];
      const { file, by, range, when } = one;
      const isCertain = when === undefined || truthOf(one, site.certain, environment) === true;
      return [{ file, name: by, range, ...(isCertain ? {} : { when }) }];
    });
    return demandsOf(asked, site.gaps);
  };
}

/** The folder that is imported from, by the file that tells of a project: `*.dist-info/METADATA`, `*.egg-info`, `*.egg/EGG-INFO/PKG-INFO`. */
function siteOf(path: string): string {
  if (path.endsWith(".egg-info")) return parentOf(path);
  const folder = parentOf(parentOf(path));
  return path.endsWith("/EGG-INFO/PKG-INFO") ? parentOf(folder) : folder;
}

function readSite(contents: readonly FoundContent[], folder: string, environment: MarkerEnvironment): Site {
  const requirements: Requirement[] = [];
  const gaps: string[] = [];
  for (const { path, holds } of contents) {
    if (siteOf(path) !== folder) continue;
    const [own] = holds.packages;
    if (holds.problem !== undefined) gaps.push(`${path}: ${holds.problem}`);
    for (const { by, of, incomplete } of holds.asks ?? []) {
      if (incomplete !== undefined) gaps.push(`${path}: ${incomplete}`);
      for (const asked of of) requirements.push(requirementOf(path, by, normalName(own?.name ?? by), asked));
    }
  }
  const certain = wantedExtras(requirements, environment, (truth) => truth === true);
  const possible = wantedExtras(requirements, environment, (truth) => truth !== false);
  if (!possible.isWhole) gaps.push(`${folder}: extras want each other more than ${deepestExtras} deep`);
  return { requirements, gaps, certain: certain.extras, possible: possible.extras };
}

function requirementOf(file: string, by: string, project: string, [name, range, terms]: Asked): Requirement {
  const { when, extras = [] } = terms ?? {};
  return {
    file,
    by,
    project,
    wanted: normalName(name),
    range,
    extras: extras.map(normalName),
    when,
    marker: when === undefined ? undefined : parsePythonMarker(when),
  };
}

/** Extras that want extras that want extras: nothing real comes near. */
const deepestExtras = 20;

/** Which extras of which projects the requirements want that `counts`; each that is wanted may want others. */
function wantedExtras(
  requirements: readonly Requirement[],
  environment: MarkerEnvironment,
  counts: (truth: Truth) => boolean,
): { readonly extras: Extras; readonly isWhole: boolean } {
  const extras = new Map<string, Set<string>>();
  let left = requirements.filter((one) => one.extras.length > 0);
  for (let depth = 0; depth < deepestExtras; depth += 1) {
    const now = new Set(left.filter((one) => counts(truthOf(one, extras, environment))));
    if (now.size === 0) return { extras, isWhole: true };
    left = left.filter((one) => !now.has(one));
    for (const one of now) {
      const known = extras.get(one.wanted) ?? new Set();
      for (const extra of one.extras) known.add(extra);
      extras.set(one.wanted, known);
    }
  }
  return { extras, isWhole: false };
}

/** Whether a requirement is one, where `extras` are wanted. pip asks for each extra by itself. */
function truthOf({ project, when, marker }: Requirement, extras: Extras, environment: MarkerEnvironment): Truth {
  if (when === undefined) return true;
  if (marker === undefined) return undefined;
  let answer: Truth = false;
  for (const extra of ["", ...(extras.get(project) ?? [])]) {
    const truth = holdsIn(marker, (variable) => (variable === "extra" ? [extra] : environment(variable)));
    if (truth === true) return true;
    if (truth === undefined) answer = undefined;
  }
  return answer;
}
