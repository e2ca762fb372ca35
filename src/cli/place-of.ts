import { stat } from "node:fs/promises";
import { resolve } from "node:path";

/** What exists here, or is written as a path, from the root; everything else as it is. */
export async function placeOf(text: string): Promise<string> {
  const [, scheme = "", rest = text] = /^((?:dir|sbom|oci|docker-archive):)?(.+)$/.exec(text) ?? [];
  if (scheme !== "") return `${scheme}${resolve(rest)}`;
  if (text.startsWith("docker:")) return text;
  const isPath = /^[./]|\/$|\.(?:tar|json)$/.test(text);
  const isThere = await stat(text).then(
    () => true,
    () => false,
  );
  return isPath || isThere ? resolve(text) : text;
}
