import type { Subject } from "./types.ts";

/**
 * A repository's address without what differs between ways to the same: scheme, user, port, `.git`, capitals. `https://host/team/app.git`
 * and `git@host:team/app` are both `host/team/app`. `file:///srv/app` is `/srv/app`. Undefined where it is no
 * address.
 */
export function sourceKey(address: string): string | undefined {
  const bare = address.replace(/[?#].*$/s, "");
  const [, authority, path] =
    /^[a-z][a-z0-9+.-]*:\/\/([^/]*)\/(.*)$/is.exec(bare) ?? /^((?:[^@/:]+@)?[^@/:]+):(?!\/\/)(.*)$/s.exec(bare) ?? [];
  if (authority === undefined || path === undefined) return undefined;
  const host = authority.replace(/^.*@/s, "").replace(/:\d*$/, "").toLowerCase();
  const name = path
    .replace(/^\/+|\/+$/g, "")
    .replace(/\.git$/i, "")
    .toLowerCase();
  const isOfThisMachine = host === "" && /^file:/i.test(bare);
  // What a server takes as a path has no others, unless written with `%`.
  if (!/^[\p{L}\p{N}._~%/+@-]{1,500}$/u.test(name)) return undefined;
  return host === "" && !isOfThisMachine ? undefined : `${host}/${name}`;
}

/** What a push says: the ref as people write it, and none where it is of no branch or tag. */
export function shortRef(ref: string): string {
  return ref.replace(/^refs\/(?:heads|tags)\//, "");
}

/** A subject for each address that is one, each once. */
export function sourceSubjects(addresses: readonly (string | undefined)[], ref?: string): Subject[] {
  const keys = new Set(addresses.flatMap((address) => (address === undefined ? [] : (sourceKey(address) ?? []))));
  return [...keys].map((repository) => ({
    kind: "source",
    repository,
    ...(ref === undefined ? {} : { ref: shortRef(ref) }),
  }));
}

/** Whether a ref that is followed may name something else since `told` was pushed. Without one of them, it may. */
export function isRefMeant(followed: string, told: string | undefined): boolean {
  if (told === undefined || followed === "HEAD") return true;
  return shortRef(followed) === shortRef(told);
}
