export interface Element {
  readonly path: readonly string[];
  /** Its text, where it ends; undefined where it begins. */
  readonly value: string | undefined;
}

/** Begin and end of each element of `text`, in its order. Comments, declarations and CDATA marks are passed over; entities stay as they are but for the five of XML, so that nothing grows. Ends where the text is none. XML 1.0, 2. */
export function* elementsOf(text: string): Generator<Element> {
  const path: string[] = [];
  let from = 0;
  for (let at = text.indexOf("<"); at >= 0; at = text.indexOf("<", from)) {
    if (text.startsWith("<!--", at)) {
      const end = text.indexOf("-->", at);
      if (end < 0) return;
      from = end + 3;
      continue;
    }
    const end = text.indexOf(">", at);
    if (end < 0) return;
    const tag = text.slice(at + 1, end);
    if (tag.startsWith("/")) {
      const value = text.slice(from, at).trim();
      yield { path: [...path], value: unescapeXml(value) };
      path.pop();
    } else if (!/^[?!]/.test(tag)) {
      path.push(/^[^\s/]*/.exec(tag)?.[0] ?? "");
      if (path.length > 64) return;
      yield { path: [...path], value: undefined };
      if (tag.endsWith("/")) {
        yield { path: [...path], value: "" };
        path.pop();
      }
    }
    from = end + 1;
  }
}

const entities: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

function unescapeXml(text: string): string {
  return text.replaceAll(/&(lt|gt|amp|quot|apos);/g, (_, name: string) => entities[name] ?? "");
}
