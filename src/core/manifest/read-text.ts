import { isDigest, type Digest } from "../../lib/index.ts";
import { parseReference } from "../image/index.ts";
import type { Slot } from "./types.ts";

/** `registry/repository` as everybody writes it in the end: `web` and `docker.io/library/web` are one. Undefined where a text is no reference. */
export function repositoryOf(text: string): string | undefined {
  try {
    const { registry, repository } = parseReference(text);
    return `${registry}/${repository}`;
  } catch {
    return undefined;
  }
}

/** The ways in which a repository is written in front of a tag or a digest. */
export function spellingsOf(repository: string): readonly string[] {
  const whole = repositoryOf(repository) ?? repository;
  const short = whole.replace(/^docker\.io\/(?:library\/)?/, "");
  return [...new Set([whole, short, repository])];
}

/** Whether a text begins with a name of the repository and goes on as a reference does, readable or not. */
export function beginsWithRepository(text: string, repository: string): boolean {
  return spellingsOf(repository).some((name) => text.startsWith(name) && /^[:@]/.test(text.slice(name.length)));
}

/** Where the digest of a text is, which begins at `start`: a digest alone, one after `@`, nothing yet (empty), or after a whole reference. */
export function findDigest(text: string, start: number, isReference: boolean): Slot | undefined {
  if (isDigest(text)) return { start, end: start + text.length, digest: text, before: "" };
  if (text === "") return { start, end: start, digest: undefined, before: "" };
  const at = text.lastIndexOf("@");
  const behind = text.slice(at + 1);
  if (at >= 0)
    return isDigest(behind)
      ? { start: start + at + 1, end: start + text.length, digest: behind satisfies Digest, before: "" }
      : undefined;
  if (!isReference) return undefined;
  return { start: start + text.length, end: start + text.length, digest: undefined, before: "@" };
}

/** Reads `# tidemill: IMAGE`: the image; null for what means to be one and is not, undefined for other comments. */
export function parseMarker(comment: string): string | null | undefined {
  const [, said] = /^#\s*tidemill:(.*)$/s.exec(comment.trim()) ?? [];
  if (said === undefined) return undefined;
  const [, image] = /^\s*([A-Za-z0-9][A-Za-z0-9._-]{0,199})\s*$/.exec(said) ?? [];
  return image ?? null;
}
