import { listFolder, lookup, readText, walkTree, type Tree } from "../inventory/index.ts";
import { certificateEntries, type LayerEntry } from "../layer/index.ts";
import type { NewPackage, Original } from "./types.ts";

/** What becomes of the certificates when ca-certificates changes. */
export interface RemadeCertificates {
  readonly entries: readonly LayerEntry[];
  /** Links to certificates that are no longer trusted. */
  readonly whiteouts: readonly string[];
  /** Why they cannot be made without running update-ca-certificates(8). */
  readonly reasons: readonly string[];
}

const name = "ca-certificates";
const store = "usr/share/ca-certificates";
const folder = "etc/ssl/certs";
const bundle = `${folder}/ca-certificates.crt`;
const list = "etc/ca-certificates.conf";
const nothing: RemadeCertificates = { entries: [], whiteouts: [], reasons: [] };

/**
 * The list, the bundle and the links of certificates for a new ca-certificates, of what the image has of them. Only where it has exactly those that the old package ships: none added, taken out or
 * deselected by its owner, and nothing else made of them.
 */
export function remakeCertificates({ tree, owners }: Original, { swap, facts }: NewPackage): RemadeCertificates {
  if (swap.name !== name || !isThere(tree, bundle)) return nothing;
  const reasons: string[] = [];
  let size = 0;
  const trusted = new Set<string>();
  for (const [path, node] of walkTree(tree)) {
    if (node.entry.type !== "file" || !path.startsWith(`${store}/`) || !path.endsWith(".crt")) continue;
    trusted.add(path.slice(store.length + 1));
    size += node.entry.size;
    if (owners.get(path)?.name !== name) reasons.push(`/${path} is none of the package's certificates`);
  }
  const found = lookup(tree, bundle);
  if (found.kind === "found" && (found.path !== bundle || found.node.entry.size !== size))
    reasons.push(`/${bundle} holds other certificates than the package's`);
  const conf = readText(tree, list);
  if (conf.kind === "unreadable") reasons.push(conf.problem);
  if (conf.kind === "read") {
    const rows = conf.text.split("\n").filter((row) => row !== "" && !row.startsWith("#"));
    if (rows.length !== trusted.size || !rows.every((row) => trusted.has(row)))
      reasons.push(`/${list} selects other certificates than all of the package's`);
  }
  if (listFolder(tree, "usr/local/share/ca-certificates").length > 0)
    reasons.push("there are certificates of its owner in /usr/local/share/ca-certificates");
  if (listFolder(tree, "etc/ca-certificates/update.d").length > 0)
    reasons.push("/etc/ca-certificates/update.d has hooks to run");
  if (reasons.length > 0) return { ...nothing, reasons: reasons.slice(0, 5) };

  const made = certificateEntries(facts).filter(
    ({ path, kind }) => kind !== "directory" && (path === bundle || isRemade(tree, path)),
  );
  const paths = new Set(made.map(({ path }) => path));
  const whiteouts = listFolder(tree, folder).flatMap((each) => {
    const path = `${folder}/${each}`;
    return !paths.has(path) && isOurLink(tree, path) ? [path] : [];
  });
  return { entries: made, whiteouts, reasons };
}

/** A list where there is one, and links where the image has links. */
function isRemade(tree: Tree, path: string): boolean {
  if (path === list) return isThere(tree, list);
  return path.startsWith(`${folder}/`) && listFolder(tree, folder).length > 1;
}

/** Whether it is a link to a certificate of the package, directly or under its subject's hash. */
function isOurLink(tree: Tree, path: string): boolean {
  const found = lookup(tree, path, false);
  if (found.kind !== "found" || found.node.entry.type !== "symlink") return false;
  const behind = lookup(tree, path);
  return behind.kind === "found" && behind.path.startsWith(`${store}/`);
}

function isThere(tree: Tree, path: string): boolean {
  return lookup(tree, path).kind === "found";
}
