import { withoutLogin } from "../../core/evidence/index.ts";
import { annotationKeys } from "../../core/image/index.ts";
import type { Digest } from "../../lib/index.ts";

export interface Origin {
  readonly title: string;
  /** Address of the repository that it was built from, who logs in included. */
  readonly git: string | undefined;
  /** The commit, or the digest of the build context. */
  readonly source: string;
  readonly base: { readonly name: string; readonly digest: Digest } | undefined;
  /** The newest date among the inputs, in seconds. */
  readonly created: number | undefined;
}

/** What any tool can read of where an image comes from: its base, and the commit that it was built from. No cause and no time of ours: the same inputs say the same. image-spec, annotations.md. */
export function originAnnotations({ title, git, source, base, created }: Origin): Readonly<Record<string, string>> {
  const isCommit = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(source);
  // A folder of this machine is nothing to anybody else.
  const isPlace = git !== undefined && /^(?:(?:https?|ssh|git):\/\/|[^\s/:@]+@[^\s/:]+:)/.test(git);
  return {
    [annotationKeys.title]: title,
    ...(isPlace && isCommit ? { [annotationKeys.source]: withoutLogin(git) } : {}),
    ...(git !== undefined && isCommit ? { [annotationKeys.revision]: source } : {}),
    ...(base === undefined ? {} : { [annotationKeys.baseName]: base.name, [annotationKeys.baseDigest]: base.digest }),
    ...(created === undefined
      ? {}
      : { [annotationKeys.created]: new Date(created * 1000).toISOString().replace(".000Z", "Z") }),
  };
}
