import { compareDebText } from "../version/index.ts";
import { PackagesError } from "./error.ts";
import {
  formatRelation,
  parseRelations,
  type Relation,
  type RelationGroup,
  type RelationOperator,
} from "./relation.ts";
import { parseControl } from "./control.ts";
import type { PackageRecord, PackageUniverse } from "./types.ts";

/** A package of some name, with all its offered versions, newest first. Virtual packages have none. */
export interface PackageNode {
  /** Dense: the index of the package's state in a run. */
  readonly id: number;
  readonly name: string;
  readonly versions: readonly VersionNode[];
  /** Flagged Essential, or apt, which apt itself counts as such. */
  readonly essential: boolean;
  /** Flagged Important or Protected. */
  readonly important: boolean;
}

/** One offered version of a package and what it wants of others. */
export interface VersionNode {
  readonly package: PackageNode;
  readonly record: PackageRecord;
  /** 1 (required) to 5 (extra). */
  readonly priority: number;
  /** Pre-Depends, then Depends. */
  readonly depends: readonly Group[];
  readonly recommends: readonly Group[];
  readonly suggests: readonly Group[];
  /** Conflicts, then Breaks. */
  readonly rejects: readonly Rejection[];
}

export type GroupKind = "Pre-Depends" | "Depends" | "Recommends" | "Suggests";

/** A positive relation: any one of its atoms will do. */
export interface Group {
  readonly kind: GroupKind;
  readonly atoms: readonly Atom[];
}

export interface Rejection {
  readonly kind: "Conflicts" | "Breaks";
  readonly atom: Atom;
}

/** A relation to one name, with every offered version that fits it. The same relation is the same object everywhere. */
export interface Atom {
  readonly text: string;
  readonly versioned: boolean;
  /** The package of that name, real or virtual. */
  readonly target: PackageNode;
  /** Versions of the target itself that fit, newest first. */
  readonly own: readonly VersionNode[];
  /** Own versions, then those that provide the name, the last provided first, as apt walks them. */
  readonly fitting: readonly VersionNode[];
}

export interface Catalogue {
  readonly universe: PackageUniverse;
  package(name: string): PackageNode;
  version(record: PackageRecord): VersionNode;
  atom(relation: Relation): Atom;
}

const priorities: Readonly<Record<string, number>> = { required: 1, important: 2, standard: 3, optional: 4, extra: 5 };
const holds: Readonly<Record<RelationOperator, (order: number) => boolean>> = {
  "<<": (order) => order < 0,
  "<=": (order) => order <= 0,
  "=": (order) => order === 0,
  ">=": (order) => order >= 0,
  ">>": (order) => order > 0,
};
const catalogues = new WeakMap<PackageUniverse, Catalogue>();

/** The universe as a graph whose parts are made when they are first reached, and kept as long as the universe is. */
export function catalogueOf(universe: PackageUniverse): Catalogue {
  let catalogue = catalogues.get(universe);
  if (catalogue === undefined) {
    catalogue = createCatalogue(universe);
    catalogues.set(universe, catalogue);
  }
  return catalogue;
}

function createCatalogue(universe: PackageUniverse): Catalogue {
  const packages = new Map<string, PackageNode>();
  const versions = new Map<PackageRecord, VersionNode>();
  const atoms = new Map<string, Atom>();

  const catalogue: Catalogue = {
    universe,
    package(name) {
      let node = packages.get(name);
      if (node === undefined) {
        node = createPackage(catalogue, packages.size, name);
        packages.set(name, node);
      }
      return node;
    },
    version(record) {
      let node = versions.get(record);
      if (node === undefined) {
        node = createVersion(catalogue, record);
        versions.set(record, node);
      }
      return node;
    },
    atom(relation) {
      const text = formatRelation(relation);
      let atom = atoms.get(text);
      if (atom === undefined) {
        atom = createAtom(catalogue, relation, text);
        atoms.set(text, atom);
      }
      return atom;
    },
  };
  return catalogue;
}

function createPackage(catalogue: Catalogue, id: number, name: string): PackageNode {
  return {
    id,
    name,
    get essential() {
      return remember(
        this,
        "essential",
        () => name === "apt" || catalogue.universe.versions(name).some(({ essential }) => essential),
      );
    },
    get versions() {
      return remember(this, "versions", () =>
        catalogue.universe.versions(name).map((record) => catalogue.version(record)),
      );
    },
    get important() {
      return remember(this, "important", () =>
        catalogue.universe.versions(name).some(({ stanza }) => /^(?:Important|Protected): *yes$/im.test(stanza)),
      );
    },
  };
}

function createVersion(catalogue: Catalogue, record: PackageRecord): VersionNode {
  const fields = parseControl(record.stanza)[0] ?? new Map<string, string>();

  function groups(kind: GroupKind): Group[] {
    const relations = parsed(fields.get(kind.toLowerCase()), record);
    return relations.map((group) => ({ kind, atoms: group.map((relation) => catalogue.atom(relation)) }));
  }

  function rejections(kind: Rejection["kind"]): Rejection[] {
    const relations = parsed(fields.get(kind.toLowerCase()), record);
    return relations.flatMap((group) => group.map((relation) => ({ kind, atom: catalogue.atom(relation) })));
  }

  return {
    package: catalogue.package(record.name),
    record,
    priority: priorities[record.priority] ?? 5,
    get depends() {
      return remember(this, "depends", () => [...groups("Pre-Depends"), ...groups("Depends")]);
    },
    get recommends() {
      return remember(this, "recommends", () => groups("Recommends"));
    },
    get suggests() {
      return remember(this, "suggests", () => groups("Suggests"));
    },
    get rejects() {
      return remember(this, "rejects", () => [...rejections("Conflicts"), ...rejections("Breaks")]);
    },
  };
}

function parsed(text: string | undefined, record: PackageRecord): readonly RelationGroup[] {
  if (text === undefined) return [];
  try {
    return parseRelations(text);
  } catch (error) {
    throw new PackagesError("BAD_RELATION", `${record.origin}: ${record.name} ${record.version}: malformed relation`, {
      cause: error,
    });
  }
}

function createAtom(catalogue: Catalogue, relation: Relation, text: string): Atom {
  const { universe } = catalogue;
  const { qualifier } = relation;
  const ours = qualifier === undefined || qualifier === "native" || qualifier === universe.architecture;
  // an unqualified name asks for this architecture, `:any` for a provider of that very name, another architecture for none
  const name = ours ? relation.name : `${relation.name}:${qualifier}`;

  function fits(version: string | undefined): boolean {
    if (relation.version === undefined || relation.operator === undefined) return true;
    return version !== undefined && holds[relation.operator](compareDebText(version, relation.version));
  }

  return {
    text,
    versioned: relation.version !== undefined,
    target: catalogue.package(name),
    get own() {
      return remember(this, "own", () => this.target.versions.filter(({ record }) => fits(record.version)));
    },
    get fitting() {
      return remember(this, "fitting", () => {
        const providers = universe.providers(name).filter(({ version }) => fits(version));
        return [...this.own, ...providers.toReversed().map(({ record }) => catalogue.version(record))];
      });
    },
  };
}

// each part is worked out when it is first read, and then stands as a plain property
function remember<T, K extends keyof T>(owner: T, key: K, make: () => T[K]): T[K] {
  const value = make();
  Object.defineProperty(owner, key, { value, enumerable: true });
  return value;
}
