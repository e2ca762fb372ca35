import { resolve } from "node:path";

/** `path` from the root: the server that is asked may stand in another directory than the one who asks. */
export function absolutePath(path: string): string {
  return resolve(path);
}

/** `place` from the root where it is written as a path (`./layout`, `/srv/layout`, `web.tar`); a reference to a registry stays as it is. */
export function absolutePlace(place: string): string {
  return /^[./]|\/$|\.tar$/.test(place) ? resolve(place) : place;
}
