export const forgeKinds = ["github", "gitlab", "gitea"] as const;
export type ForgeKind = (typeof forgeKinds)[number];

/** Where the API and the repository of a forge are, by the address that Git uses for the repository: `https://host/owner/name.git`, `ssh://git@host/owner/name` or `git@host:owner/name`. Undefined where it names none. */
export function addressOfForge(
  kind: ForgeKind,
  url: string,
): { readonly api: string; readonly repository: string } | undefined {
  const [, host, path] =
    /^https:\/\/(?:[^/@]*@)?([^/]+)\/(.+)$/i.exec(url) ??
    /^ssh:\/\/(?:[^/@]*@)?([^/:]+)(?::\d+)?\/(.+)$/i.exec(url) ??
    /^[^/@]+@([^/:]+):\/?(.+)$/.exec(url) ??
    [];
  if (host === undefined || path === undefined) return undefined;
  const repository = path.replace(/\/+$/, "").replace(/\.git$/i, "");
  if (!/^[^/\s]+(?:\/[^/\s]+)+$/.test(repository)) return undefined;
  return { api: apiOf[kind](host.toLowerCase()), repository };
}

const apiOf: Readonly<Record<ForgeKind, (host: string) => string>> = {
  github: (host) => (host === "github.com" ? "https://api.github.com" : `https://${host}/api/v3`),
  gitlab: (host) => `https://${host}/api/v4`,
  gitea: (host) => `https://${host}/api/v1`,
};
