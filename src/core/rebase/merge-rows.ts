/** What came of merging rows: `conflicts` are keys that both sides changed, each in another way; `rows` then has the application's. */
export interface RowMerge<Row> {
  readonly rows: ReadonlyMap<string, Row>;
  readonly conflicts: readonly string[];
}

/**
 * Three states of a table as one: a row that only one side changed is as that side has it, one that both changed alike as well. Rows of the new base come first, in its
 * order, then those of the application.
 */
export function mergeRows<Row>(
  old: ReadonlyMap<string, Row>,
  base: ReadonlyMap<string, Row>,
  application: ReadonlyMap<string, Row>,
  same: (a: Row, b: Row) => boolean,
): RowMerge<Row> {
  const equal = (a: Row | undefined, b: Row | undefined): boolean =>
    a === b || (a !== undefined && b !== undefined && same(a, b));
  const rows = new Map<string, Row>();
  const conflicts: string[] = [];
  for (const key of new Set([...base.keys(), ...application.keys(), ...old.keys()])) {
    const [was, now, own] = [old.get(key), base.get(key), application.get(key)];
    let row: Row | undefined = own;
    if (equal(own, was)) row = now;
    else if (!equal(now, was) && !equal(now, own)) conflicts.push(key);
    else if (equal(now, own)) row = now;
    if (row !== undefined) rows.set(key, row);
  }
  return { rows, conflicts };
}

/** Lines by themselves, in their order; empty ones are left out. */
export function linesByText(text: string): Map<string, string> {
  return new Map(
    text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => [line, line]),
  );
}

/** Lines by their first field; what has no `separator` is its own key. A key that comes twice keeps its first line, as getpwnam(3) does. */
export function linesByField(text: string, separator = ":"): Map<string, string> {
  const rows = new Map<string, string>();
  for (const line of text.split("\n")) {
    const key = line.split(separator, 1)[0] ?? line;
    if (line !== "" && !rows.has(key)) rows.set(key, line);
  }
  return rows;
}
