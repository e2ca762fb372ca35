export type NormalizedPath =
  { readonly kind: "path"; readonly path: string } | { readonly kind: "bad-name" | "escape"; readonly why: string };

const plain = /^(?!\.{0,2}(?:\/|$))[^\0/]+(?:\/(?!\.{0,2}(?:\/|$))[^\0/]+)*$/;

/** A member's name as a path from the image's root: no leading or trailing slash, no `.` or `..`. A name that would leave the root is an escape. */
export function normalizePath(name: string, limit: number): NormalizedPath {
  if (name.length > limit || (name.length * 3 > limit && Buffer.byteLength(name) > limit))
    return { kind: "bad-name", why: `its path has more than ${limit} bytes` };
  if (plain.test(name)) return { kind: "path", path: name };
  if (name.includes("\0")) return { kind: "bad-name", why: "its path holds a NUL" };
  const trail: string[] = [];
  for (const part of name.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") trail.push(part);
    else if (trail.pop() === undefined) return { kind: "escape", why: "its path leaves the image" };
  }
  return { kind: "path", path: trail.join("/") };
}
