import { ForgeError } from "../error.ts";
import type { Comment, PutComment, ReportsApi } from "./types.ts";

/** A pull request with more comments has its report after those: it is written anew. */
const mostPages = 50;

/** Puts the one comment that begins with `marker`. Whoever writes at the same time leaves the oldest: after a comment was made it is looked whether another one was first. */
export async function putComment(
  api: ReportsApi,
  number: number,
  marker: string,
  body: string,
  signal: AbortSignal,
): Promise<PutComment> {
  const authors = await ownAccounts(api, signal);
  const [first] = await ownComments(api, number, marker, authors, signal);
  if (first !== undefined) return changeComment(api, number, first, body, signal);
  const made = await api.create(number, body, signal);
  const [oldest = made, ...rest] = await ownComments(api, number, marker, authors, signal);
  if (oldest.id === made.id) return { kind: "made", url: made.url };
  const mine = rest.find(({ id }) => id === made.id);
  if (mine !== undefined) await api.remove(number, mine.id, signal);
  return changeComment(api, number, oldest, body, signal);
}

async function changeComment(
  api: ReportsApi,
  number: number,
  found: Comment,
  body: string,
  signal: AbortSignal,
): Promise<PutComment> {
  if (sameText(found.body, body)) return { kind: "same", url: found.url };
  const { url } = await api.update(number, found.id, body, signal);
  return { kind: "changed", url };
}

async function ownAccounts(api: ReportsApi, signal: AbortSignal): Promise<readonly string[]> {
  const self = await api.self(signal);
  return self === undefined ? api.jobAccounts : [self];
}

/** Ours by who wrote them as well as by how they begin: a marker is written by anybody, and a reply that quotes one does not begin with it. */
async function ownComments(
  api: ReportsApi,
  number: number,
  marker: string,
  authors: readonly string[],
  signal: AbortSignal,
): Promise<Comment[]> {
  const own: Comment[] = [];
  const seen = new Set<number>();
  for (let page = 1; page <= mostPages; page += 1) {
    const some = await api.list(number, page, signal);
    // Some servers give everything at once, whatever page they are asked for.
    const fresh = some.filter(({ id }) => !seen.has(id));
    if (fresh.length === 0) break;
    for (const comment of fresh) {
      seen.add(comment.id);
      if (authors.includes(comment.author) && comment.body.startsWith(marker)) own.push(comment);
    }
  }
  return own.sort((a, b) => a.id - b.id);
}

/** Forges keep line ends as a browser sends them, and no space at the end. */
function sameText(kept: string, body: string): boolean {
  const plain = (text: string): string => text.replaceAll("\r\n", "\n").trimEnd();
  return plain(kept) === plain(body);
}

/** Who a token is of, where the forge says it: tokens of jobs may not ask. */
export async function orUnknown(asked: Promise<string>): Promise<string | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof ForgeError && (error.code === "DENIED" || error.code === "UNKNOWN")) return undefined;
    throw error;
  }
}
