import type { Atom, Catalogue, Group, PackageNode, Rejection, VersionNode } from "./catalogue.ts";

/** What is decided of one package while a request is resolved. */
export interface Choice {
  readonly package: PackageNode;
  /** The version that would be taken; undefined once the package is ruled out. */
  candidate: VersionNode | undefined;
  /** The version that is taken. */
  install: VersionNode | undefined;
  /** Neither taken nor dropped any more, except by the request itself. */
  fixed: boolean;
  /** Taken because another needs it, not because it was asked for. */
  automatic: boolean;
}

export interface SelectionOptions {
  readonly recommends: boolean;
  /** The candidate of a package that the request says more of; undefined for every other. */
  readonly candidateOf: (node: PackageNode) => { readonly version: VersionNode | undefined } | undefined;
}

/** The decisions made so far, and what they satisfy and break. Packages that nothing touched cost nothing. */
export class Selection {
  readonly catalogue: Catalogue;
  readonly recommends: boolean;
  private readonly choices: (Choice | undefined)[] = [];
  private readonly touched: Choice[] = [];
  private readonly candidateOf: SelectionOptions["candidateOf"];

  constructor(catalogue: Catalogue, options: SelectionOptions) {
    this.catalogue = catalogue;
    this.recommends = options.recommends;
    this.candidateOf = options.candidateOf;
  }

  choice(node: PackageNode): Choice {
    let choice = this.choices[node.id];
    if (choice === undefined) {
      const given = this.candidateOf(node);
      const candidate = given === undefined ? node.versions[0] : given.version;
      choice = { package: node, candidate, install: undefined, fixed: false, automatic: true };
      this.choices[node.id] = choice;
      this.touched.push(choice);
    }
    return choice;
  }

  /** The packages that are taken, in the order in which they were first considered. */
  installed(): Choice[] {
    return this.touched.filter(({ install }) => install !== undefined);
  }

  isInstalled(version: VersionNode): boolean {
    return this.choices[version.package.id]?.install === version;
  }

  isCandidate(version: VersionNode): boolean {
    return this.choice(version.package).candidate === version;
  }

  satisfies(atom: Atom): boolean {
    return atom.fitting.some((version) => this.isInstalled(version));
  }

  isSatisfied(group: Group): boolean {
    return group.atoms.some((atom) => this.satisfies(atom));
  }

  /** The taken versions that `owner` rejects by this relation; a package never rejects itself. */
  rejected(owner: PackageNode, rejection: Rejection): VersionNode[] {
    return rejection.atom.fitting.filter((version) => version.package !== owner && this.isInstalled(version));
  }

  isRejecting(owner: PackageNode, rejection: Rejection): boolean {
    return rejection.atom.fitting.some((version) => version.package !== owner && this.isInstalled(version));
  }

  /** Whether the taken version lacks something that it depends on, or stands beside something that it rejects. */
  isBroken(choice: Choice): boolean {
    const { install } = choice;
    if (install === undefined) return false;
    return (
      install.depends.some((group) => !this.isSatisfied(group)) ||
      install.rejects.some((rejection) => this.isRejecting(choice.package, rejection))
    );
  }

  /** Broken, or without something that it recommends, where recommendations are followed. */
  isIncomplete(choice: Choice): boolean {
    if (choice.install === undefined) return false;
    if (this.isBroken(choice)) return true;
    return this.recommends && choice.install.recommends.some((group) => !this.isSatisfied(group));
  }

  brokenCount(): number {
    return this.touched.filter((choice) => this.isBroken(choice)).length;
  }

  /** The candidates that fit an atom, in the order of {@link Atom.fitting}. */
  candidates(atom: Atom): VersionNode[] {
    return atom.fitting.filter((version) => this.isCandidate(version));
  }

  /** Takes nothing of the package. False where that is not allowed. */
  keep(choice: Choice): boolean {
    if (choice.install === undefined) return true;
    if (choice.fixed) return false;
    choice.install = undefined;
    return true;
  }

  /** As {@link keep}, but what was asked for and what is essential stays. */
  remove(choice: Choice): boolean {
    if (choice.fixed || choice.package.essential || choice.package.important) return false;
    if (choice.install === undefined) return true;
    if (!choice.automatic) return false;
    choice.install = undefined;
    return true;
  }
}
