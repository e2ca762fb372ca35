export interface XmlNode {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlNode[];
}

const entities: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
// eslint-disable-next-line no-control-regex
const character = /^[\u0009\u000a\u000d\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u;

/** A strict reader of the little XML that a JUnit report is: throws for whatever is not well-formed. XML 1.0, 2. */
export function parseXml(text: string): XmlNode {
  if (!character.test(text)) throw new Error("a character that XML does not have");
  const tokens = /<\?xml [^?]*\?>\s*|<(\/?)([a-z-]+)((?: [a-z]+="[^"<>]*")*)(\/?)>|([^<>]+)/gy;
  const stack: { name: string; attributes: Record<string, string>; children: XmlNode[] }[] = [
    { name: "", attributes: {}, children: [] },
  ];
  while (tokens.lastIndex < text.length) {
    const start = tokens.lastIndex;
    const match = tokens.exec(text);
    if (match === null) throw new Error(`not well-formed: ${text.slice(start, start + 80)}`);
    const [, close, name, attributes = "", empty, content] = match;
    if (content !== undefined) {
      unescape(content);
      continue;
    }
    if (name === undefined) continue;
    if (close === "/") {
      if (stack.pop()?.name !== name) throw new Error(`</${name}> closes nothing`);
      continue;
    }
    const pairs = [...attributes.matchAll(/ ([a-z]+)="([^"]*)"/g)].map(([, key = "", value = ""]) => [key, unescape(value)] as const);
    const node = { name, attributes: Object.fromEntries(pairs), children: [] };
    stack.at(-1)?.children.push(node);
    if (empty !== "/") stack.push(node);
  }
  const [root] = stack;
  const [only, ...others] = root?.children ?? [];
  if (stack.length !== 1 || only === undefined || others.length > 0) throw new Error("not one whole element");
  return only;
}

function unescape(text: string): string {
  if (/&(?!(?:amp|lt|gt|quot|apos);)/.test(text)) throw new Error(`a bare & in ${text.slice(0, 80)}`);
  return text.replaceAll(/&([a-z]+);/g, (_, name: string) => entities[name] ?? "");
}
