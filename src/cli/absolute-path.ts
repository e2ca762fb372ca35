import { resolve } from "node:path";

/** `path` from the root: the server that is asked may stand in another directory than the one who asks. */
export function absolutePath(path: string): string {
  return resolve(path);
}
