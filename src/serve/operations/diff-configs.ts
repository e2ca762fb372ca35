import type { ImageConfig } from "../../core/image/index.ts";
import { canonicalJson } from "../../lib/index.ts";
import type { Diff } from "../../operation/index.ts";

/** What differs between two configs, by key and in order of it; variables of the environment, labels, ports and volumes each by their name. Layers and history are not compared. */
export function diffConfigs(a: ImageConfig, b: ImageConfig): Diff["config"] {
  const before = flatten(a);
  const after = flatten(b);
  return [...new Set([...before.keys(), ...after.keys()])].sort().flatMap((path) => {
    const from = before.get(path) ?? null;
    const to = after.get(path) ?? null;
    return from === to ? [] : [{ path, from, to }];
  });
}

function flatten(image: ImageConfig): Map<string, string> {
  const found = new Map<string, string>();
  const { rootfs: _rootfs, history: _history, config, ...rest } = image;
  for (const [key, value] of Object.entries(rest)) put(found, key, value);
  for (const [key, value] of Object.entries(config ?? {})) {
    if (key === "Env" && Array.isArray(value)) putVariables(found, value);
    else if (typeof value === "object" && value !== null && !Array.isArray(value)) putFields(found, key, value);
    else put(found, key, value);
  }
  return found;
}

function putVariables(found: Map<string, string>, variables: readonly unknown[]): void {
  for (const variable of variables) {
    const [name = "", ...value] = String(variable).split("=");
    found.set(`Env.${name}`, value.join("="));
  }
}

function putFields(found: Map<string, string>, key: string, fields: object): void {
  for (const [name, value] of Object.entries(fields)) put(found, `${key}.${name}`, value);
}

function put(found: Map<string, string>, path: string, value: unknown): void {
  if (value === undefined || value === null) return;
  found.set(path, typeof value === "string" ? value : canonicalJson(value));
}
