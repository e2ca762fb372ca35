import type { Atom, Group, PackageNode, VersionNode } from "./catalogue.ts";
import type { Impasse, Reason } from "./search.ts";
import type { ResolveRequest } from "./types.ts";

const maxListed = 5;

/** The steps from what was asked for to what cannot be had, one sentence each. */
export function explainImpasse(
  impasse: Impasse,
  reasons: ReadonlyMap<PackageNode, Reason>,
  request: ResolveRequest,
): string[] {
  if (impasse.kind === "rejected") {
    return [
      ...pathTo(impasse.owner, reasons),
      ...pathTo(impasse.other, reasons),
      `${label(impasse.owner)} cannot be installed beside ${label(impasse.other)}: it rejects ${impasse.atom.text}`,
    ];
  }
  const { owner, group } = impasse;
  return [
    ...pathTo(owner, reasons),
    `${label(owner)} needs ${textOf(group)}`,
    ...group.atoms.map((atom) => explainLack(atom, request)),
  ];
}

/** Why nothing that fits a relation can be taken. */
function explainLack(atom: Atom, request: ResolveRequest): string {
  const { target } = atom;
  if (request.exclude?.includes(target.name) === true) return `${target.name} is excluded`;
  const pin = request.pins?.[target.name];
  if (pin !== undefined && target.versions.length > 0) return `${target.name} is held at ${pin}`;
  if (atom.fitting.length > 0) {
    const offers = listed(atom.fitting.map(label));
    return `what would serve as ${atom.text} cannot be installed here: ${offers}`;
  }
  if (target.versions.length === 0) return `no suite offers ${atom.text}`;
  return `no suite offers ${atom.text}, only ${listed(target.versions.map(({ record }) => record.version))}`;
}

function pathTo(version: VersionNode, reasons: ReadonlyMap<PackageNode, Reason>): string[] {
  const steps: string[] = [];
  const seen = new Set<PackageNode>();
  for (let node = version.package; !seen.has(node);) {
    seen.add(node);
    const reason = reasons.get(node);
    if (reason === undefined) {
      steps.push(`${node.name} is asked for`);
      break;
    }
    steps.push(`${label(reason.owner)} needs ${textOf(reason.group)}`);
    node = reason.owner.package;
  }
  return steps.reverse();
}

function textOf(group: Group): string {
  return group.atoms.map(({ text }) => text).join(" | ");
}

function label({ record }: VersionNode): string {
  return `${record.name} ${record.version}`;
}

function listed(items: readonly string[]): string {
  const shown = [...new Set(items)];
  const rest = shown.length - maxListed;
  return rest > 0 ? `${shown.slice(0, maxListed).join(", ")} and ${rest} more` : shown.join(", ");
}
