import type { StructureCheck, StructureFinding } from "./structure-check.ts";
import { lookup, walkTree } from "../tree.ts";

const maxFindings = 1000;
/** What only a running container has. */
const runtimeFolders = /^(?:proc|dev|sys|run|tmp|var\/run|var\/tmp)(?:\/|$)/;

/** Every symbolic link leads to something in the image, or to where a running container has files. */
export const checkLinks: StructureCheck = ({ tree }) => {
  const findings: StructureFinding[] = [];
  for (const [path, node] of walkTree(tree)) {
    if (node.entry.type !== "symlink" || findings.length >= maxFindings) continue;
    const found = lookup(tree, path);
    if (found.kind === "found" || runtimeFolders.test(found.path)) continue;
    const where = found.kind === "loop" ? "leads in a circle" : "leads nowhere";
    findings.push({ path, detail: `the link to ${node.entry.link ?? ""} ${where}` });
  }
  return findings;
};
