import { posix } from "node:path";
import { reachesOut } from "../error.ts";
import { explainRun } from "../explain-run.ts";
import { folderOf, inFolder, isInside } from "../tree-reader.ts";
import type { BumpRequest, Files, PackageTool, ToolFiles, TreeReader } from "../types.ts";
import { mayGoFrom, refuseStray, widenDemands } from "./pyproject.ts";
import { uvRun, uvSettings } from "./python-env.ts";
import { isTable, parseToml, tablesAt, tableAt, type Table } from "./toml.ts";

const mostMembers = 500;

/** uv, by `uv lock --upgrade-package`: the resolution of all that need not change stays. Only manifests are there, and nothing is built. uv, Commands, uv lock. */
export const uvTool: PackageTool = {
  program: "uv",
  versionArguments: ["--version"],
  ...uvSettings,
  collect,
  change: async (sandbox, request, { files }, env) => {
    const { file, package: name, moves } = request;
    for (const [path, bytes] of files) {
      if (!path.endsWith(".toml")) continue;
      const wide = widenDemands(bytes.toString(), name, moves);
      if (typeof wide !== "string") return { kind: "refused", reason: wide.refused };
      await sandbox.write(path, wide);
    }
    const wanted = moves.flatMap(({ to }) => ["--upgrade-package", `${name}==${to}`]);
    return explainRun(
      "uv",
      await sandbox.run(["uv", "lock", "--quiet", ...wanted], uvRun(sandbox, env, folderOf(file))),
    );
  },
  check: (before, after, { file }) => findForeign(before, after, file),
  mayGo: (_before, _after, text, now) => mayGoFrom(text)(now),
};

async function collect(reader: TreeReader, { file }: BumpRequest): Promise<ToolFiles | string> {
  const folder = folderOf(file);
  const bytes = await reader.read(file);
  const lock = bytes && parseToml(bytes.toString());
  if (bytes === undefined || lock === undefined) return `there is no file ${file}`;
  const files = new Map([[file, bytes]]);
  const places = new Set([""]);
  for (const one of tablesAt(lock, "package")) {
    const source = tableAt(one, "source");
    const place = source?.["editable"] ?? source?.["virtual"];
    if (typeof place === "string") places.add(posix.normalize(place).replace(/^\.$/, ""));
    else if (source !== undefined && typeof source["registry"] !== "string")
      reachesOut(
        `${file} has ${String(one["name"]).slice(0, 100)} from another place than a registry: change it by hand`,
      );
  }
  if (places.size > mostMembers) return `${file} names more than ${mostMembers} members`;
  for (const place of places) {
    if (place !== "" && !isInside(place))
      reachesOut(`${file} names ${place.slice(0, 200)}, which lies outside of its folder`);
    const path = inFolder(folder, posix.join(place, "pyproject.toml"));
    const manifest = await reader.read(path);
    if (manifest === undefined) return `there is no manifest ${path}`;
    refuseStray(path, manifest.toString());
    files.set(path, manifest);
  }
  return { files, mayChange: [...files.keys()] };
}

/** What the new lock file fetches from another host than the old one did, or without a checksum. */
function findForeign(before: Files, after: Files, file: string): string | undefined {
  const [had, has] = [before, after].map((files) => placesIn(parseToml(files.get(file)?.toString() ?? "")));
  if (had === undefined || has === undefined) return undefined;
  const strange = [...has.hosts].find((host) => !had.hosts.has(host) && had.hosts.size > 0);
  if (strange !== undefined) return `the new ${file} would fetch from ${strange}, and the old one does not`;
  return had.bare === 0 && has.bare > 0 ? `the new ${file} names files without a checksum` : undefined;
}

function placesIn(lock: Table | undefined): { readonly hosts: ReadonlySet<string>; readonly bare: number } {
  const hosts = new Set<string>();
  let bare = 0;
  for (const one of tablesAt(lock, "package")) {
    const registry = tableAt(one, "source")?.["registry"];
    const sdist = one["sdist"];
    for (const entry of [...tablesAt(one, "wheels"), ...(isTable(sdist) ? [sdist] : [])]) {
      if (typeof entry["hash"] !== "string") bare += 1;
      if (typeof entry["url"] === "string" && URL.canParse(entry["url"])) hosts.add(new URL(entry["url"]).host);
    }
    if (typeof registry === "string" && URL.canParse(registry)) hosts.add(new URL(registry).host);
  }
  return { hosts, bare };
}
