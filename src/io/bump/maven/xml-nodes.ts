/** An element of a document with where it stands, so that single bytes of it can be changed. Offsets count UTF-16 units from the beginning. XML 1.0. */
export interface XmlNode {
  readonly name: string;
  readonly children: readonly XmlNode[];
  /** What is written in it, where it has no elements; entities of XML resolved. */
  readonly text: string;
  /** Where its content begins and ends, and where it itself does. */
  readonly from: number;
  readonly to: number;
  readonly start: number;
  readonly end: number;
}

const deepest = 64;
const most = 200_000;

/** The outermost element of a text; undefined where it is no document, or one with a type of its own: that could name other files. */
export function readXml(text: string): XmlNode | undefined {
  const open: { name: string; children: XmlNode[]; from: number; start: number; isPlain: boolean }[] = [];
  let count = 0;
  let root: XmlNode | undefined;
  const close = (to: number, end: number): boolean => {
    const one = open.pop();
    if (one === undefined) return false;
    const raw = one.children.length === 0 && one.isPlain ? text.slice(one.from, to) : "";
    const node: XmlNode = {
      name: one.name,
      children: one.children,
      text: unescape(raw).trim(),
      from: one.from,
      to,
      start: one.start,
      end,
    };
    const above = open.at(-1);
    if (above === undefined) root ??= node;
    else above.children.push(node);
    return true;
  };
  for (let at = text.indexOf("<"); at >= 0;) {
    if (text.startsWith("<!--", at) || text.startsWith("<?", at) || text.startsWith("<![CDATA[", at)) {
      const mark = text.startsWith("<!--", at) ? "-->" : text.startsWith("<?", at) ? "?>" : "]]>";
      const end = text.indexOf(mark, at + 2);
      if (end < 0) return undefined;
      const inside = open.at(-1);
      if (inside !== undefined) inside.isPlain = false;
      at = text.indexOf("<", end + mark.length);
      continue;
    }
    if (text.startsWith("<!", at)) return undefined;
    const end = endOfTag(text, at);
    if (end === undefined) return undefined;
    const tag = text.slice(at + 1, end);
    if (tag.startsWith("/")) {
      if (open.at(-1)?.name !== tag.slice(1).trim() || !close(at, end + 1)) return undefined;
    } else {
      const name = /^[\w.:-]+/.exec(tag)?.[0];
      count += 1;
      if (name === undefined || open.length >= deepest || count > most || (open.length === 0 && root !== undefined))
        return undefined;
      open.push({ name, children: [], from: end + 1, start: at, isPlain: true });
      if (tag.endsWith("/")) close(end + 1, end + 1);
    }
    at = text.indexOf("<", end + 1);
  }
  return open.length === 0 ? root : undefined;
}

/** The first child of a name, and so on down a path. */
export function childAt(node: XmlNode | undefined, ...path: readonly string[]): XmlNode | undefined {
  return path.reduce<XmlNode | undefined>((found, name) => found?.children.find((one) => one.name === name), node);
}

/** What is written in the first child of a name; empty where there is none. */
export function textAt(node: XmlNode | undefined, ...path: readonly string[]): string {
  return childAt(node, ...path)?.text ?? "";
}

/** A text as it stands in a document. */
export function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** Attributes may hold what ends a tag. */
function endOfTag(text: string, at: number): number | undefined {
  let quote = "";
  for (let index = at + 1; index < text.length; index += 1) {
    const one = text[index] ?? "";
    if (quote !== "") {
      if (one === quote) quote = "";
    } else if (one === '"' || one === "'") quote = one;
    else if (one === ">") return index;
  }
  return undefined;
}

const entities: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

function unescape(text: string): string {
  return text.replaceAll(/&(lt|gt|amp|quot|apos);/g, (_, name: string) => entities[name] ?? "");
}
