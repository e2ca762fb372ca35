import { parse } from "smol-toml";

export type Table = Readonly<Record<string, unknown>>;

/** The table that a text in TOML is; undefined where it is none. */
export function parseToml(text: string): Table | undefined {
  try {
    return parse(text.replace(/^\uFEFF/, ""), { maxDepth: 100 });
  } catch {
    return undefined;
  }
}

/** The table at a path of others; undefined where there is none. */
export function tableAt(table: unknown, ...path: readonly string[]): Table | undefined {
  let found: unknown = table;
  for (const key of path) found = isTable(found) && Object.hasOwn(found, key) ? found[key] : undefined;
  return isTable(found) ? found : undefined;
}

/** The tables of the list at a key. */
export function tablesAt(table: Table | undefined, key: string): Table[] {
  const found = table !== undefined && Object.hasOwn(table, key) ? table[key] : undefined;
  return Array.isArray(found) ? found.filter(isTable) : [];
}

/** The texts of the list at a key. */
export function textsAt(table: Table | undefined, key: string): string[] {
  const found = table !== undefined && Object.hasOwn(table, key) ? table[key] : undefined;
  return Array.isArray(found) ? found.filter((one) => typeof one === "string") : [];
}

export function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
