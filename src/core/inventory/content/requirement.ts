import type { Asked } from "../layer-facts.ts";

const longestRequirement = 8192;
const longestMarker = 1024;
const longestExtras = 20;

/**
 * What a Python project asks for by one line such as `requests[security] (<3,>=2.0) ; python_version < "3"`: the name, the specifiers, its extras and its marker, as they are written. Of a direct reference
 * the address stays behind, for it may hold a password. Undefined where not even a name can be read. PyPA, Dependency specifiers.
 */
export function readRequirement(text: string): Asked | undefined {
  const head = /^\s*([A-Za-z0-9](?:[A-Za-z0-9._-]{0,254}[A-Za-z0-9])?)\s*(?:\[([^\]]*)\])?\s*(.*)$/s.exec(
    text.slice(0, longestRequirement),
  );
  const [, name, inBrackets = "", rest = ""] = head ?? [];
  if (name === undefined) return undefined;
  const isReference = rest.startsWith("@");
  // An address may hold a `;`: the one that begins a marker stands behind a space.
  const at = isReference ? rest.search(/\s;/) : rest.indexOf(";");
  const wanted = (at < 0 ? rest : rest.slice(0, at)).trim();
  const marker = at < 0 ? "" : rest.slice(rest.indexOf(";", at) + 1).trim();
  const extras = inBrackets
    .split(",")
    .map((one) => one.trim())
    .filter((one) => one !== "");
  // What is cut, or has more extras than anything real, has a range that cannot be read.
  const isWhole = text.length <= longestRequirement && extras.length <= longestExtras;
  const range = isReference ? "@ an address" : isWhole ? withoutBrackets(wanted) : `${wanted.slice(0, 100)}…`;
  const terms = {
    ...(marker === "" ? {} : { when: marker.length <= longestMarker ? marker : `${marker.slice(0, 100)}…` }),
    ...(extras.length === 0 ? {} : { extras: extras.slice(0, longestExtras) }),
  };
  return marker === "" && extras.length === 0 ? [name, range] : [name, range, terms];
}

function withoutBrackets(text: string): string {
  return text.startsWith("(") && text.endsWith(")") ? text.slice(1, -1).trim() : text;
}
