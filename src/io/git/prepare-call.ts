import { mkdir } from "node:fs/promises";
import { parseLocation } from "./check-source.ts";
import { diskFailed } from "./disk-failed.ts";
import { gitCall } from "./git-environment.ts";
import { publicUrl } from "./public-url.ts";

/** How the repository `url` is called, with our own folder there. */
export async function prepareCall(env: Readonly<Record<string, string | undefined>>, dir: string, url: string) {
  const location = parseLocation(url);
  const call = gitCall(env, location, dir);
  await mkdir(dir, { recursive: true, mode: 0o700 }).catch((cause: unknown) => {
    throw diskFailed(dir, cause);
  });
  return { location, call, what: publicUrl(url) };
}
