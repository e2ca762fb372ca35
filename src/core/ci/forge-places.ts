import { addressOfForge, forgeFields, type ForgeKind } from "../config/index.ts";
import type { ForgePlace } from "./types.ts";

/** How the forges write the page of a pull request behind its repository. */
const pages: readonly (readonly [ForgeKind, RegExp])[] = [
  ["gitlab", /^(.+)\/-\/merge_requests\/(\d{1,9})(?:[/?#].*)?$/],
  ["github", /^(.+)\/pull\/(\d{1,9})(?:[/?#].*)?$/],
  ["gitea", /^(.+)\/pulls\/(\d{1,9})(?:[/?#].*)?$/],
];

/** A repository of a forge; undefined where the API's address is none that a token may be sent to, or the repository none. */
export function forgePlace(
  kind: ForgeKind,
  api: string | undefined,
  repository: string | undefined,
): ForgePlace | undefined {
  const address = forgeFields.api.safeParse(api?.replace(/\/+$/, "")).data;
  const name = forgeFields.repository.safeParse(repository).data;
  return address === undefined || name === undefined ? undefined : { kind, api: address, repository: name };
}

/** A repository by the address of its web page, `http:` only on this machine. */
export function forgeOfPage(kind: ForgeKind, page: string): ForgePlace | undefined {
  const found = addressOfForge(kind, page.replace(/^http:/i, "https:"));
  const api = /^http:/i.test(page) ? found?.api.replace(/^https:/, "http:") : found?.api;
  return forgePlace(kind, api, found?.repository);
}

/** The pull request whose page `url` is: `https://host/owner/name/pull/7` (GitHub), `…/pulls/7` (Gitea, Forgejo), `…/-/merge_requests/7` (GitLab). */
export function pullOfPage(url: string): (ForgePlace & { readonly number: number }) | undefined {
  for (const [kind, page] of pages) {
    const [, repository, number] = page.exec(url) ?? [];
    const place = repository === undefined ? undefined : forgeOfPage(kind, repository);
    if (place !== undefined && Number(number) > 0) return { ...place, number: Number(number) };
  }
  return undefined;
}

/** The kind of a forge by its host, for those that everybody knows. */
export function kindOfHost(url: string): ForgeKind | undefined {
  const [, host = ""] = /^(?:[a-z+]+:\/\/)?(?:[^/@]*@)?([^/:]+)/i.exec(url) ?? [];
  const known: Readonly<Record<string, ForgeKind>> = {
    "github.com": "github",
    "gitlab.com": "gitlab",
    "codeberg.org": "gitea",
  };
  const name = host.toLowerCase();
  return Object.hasOwn(known, name) ? known[name] : undefined;
}
