/** One way to authenticate that an answer offers. */
export interface Challenge {
  readonly scheme: string;
  readonly realm: string | undefined;
  readonly service: string | undefined;
  readonly scope: string | undefined;
}

const token = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
const parameter =
  /\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([!#$%&'*+.^_`|~0-9A-Za-z:/-]+))\s*,?/y;

/** The challenges of a WWW-Authenticate header, in order; what cannot be read ends the list. RFC 9110, 11.6.1. */
export function parseChallenges(header: string): readonly Challenge[] {
  const found: Challenge[] = [];
  let position = 0;
  while (position < header.length && found.length < 10) {
    position += /^[\s,]*/.exec(header.slice(position))?.[0].length ?? 0;
    token.lastIndex = position;
    const scheme = token.exec(header)?.[0];
    if (scheme === undefined) break;
    position = token.lastIndex;
    const parameters = new Map<string, string>();
    for (;;) {
      parameter.lastIndex = position;
      const match = parameter.exec(header);
      if (match === null) break;
      const [, name = "", quoted, bare = ""] = match;
      parameters.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, "$1") ?? bare);
      position = parameter.lastIndex;
    }
    found.push({
      scheme: scheme.toLowerCase(),
      realm: parameters.get("realm"),
      service: parameters.get("service"),
      scope: parameters.get("scope"),
    });
  }
  return found;
}
