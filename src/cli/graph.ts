import { printable } from "../lib/index.ts";
import type { Graph } from "../operation/index.ts";
import { command, withConnection } from "./command.ts";
import type { Screen } from "./screen.ts";
import { plural } from "./wording.ts";

export const graph = command<Graph>({
  usage: "graph [node]",
  summary: "What images are made of, and what a change of any node would reach",
  examples: [
    ["tidemill graph", "the whole tree, upstreams first"],
    ["tidemill graph base", "what a change of the image base reaches"],
    ["tidemill graph debian:12 --json", "the same of somebody else's image, as JSON"],
  ],
  run: async (context, asked) => {
    const node = asked.optional("node");
    return withConnection(context, ({ operations }) => operations.graph(node === undefined ? {} : { node }));
  },
  print: printGraph,
});

const most = 2000;

/** A tree from each node that is made of nothing; what stands under several is drawn whole once, and named after that. */
function printGraph({ nodes }: Graph, screen: Screen): string {
  const [only] = nodes;
  if (nodes.length === 1 && only !== undefined) return printReach(only, screen);
  const below = new Map<string, Graph["nodes"][number][]>();
  for (const node of nodes) for (const from of node.from) below.set(from, [...(below.get(from) ?? []), node]);
  const lines: string[] = [];
  const drawn = new Set<string>();
  const draw = (node: Graph["nodes"][number], head: string, tail: string): void => {
    if (lines.length >= most) return;
    const children = below.get(node.name) ?? [];
    const again = drawn.has(node.name) && children.length > 0;
    drawn.add(node.name);
    lines.push(`${head}${describe(node, screen)}${again ? screen.dim(" (above)") : ""}`);
    if (again) return;
    for (const [at, child] of children.entries()) {
      const isLast = at === children.length - 1;
      draw(child, `${tail}${isLast ? "└─ " : "├─ "}`, `${tail}${isLast ? "   " : "│  "}`);
    }
  };
  for (const node of nodes) if (node.from.length === 0) draw(node, "", "");
  if (lines.length >= most) lines.push(screen.dim("and more: `--json` has all of it"));
  return lines.join("\n");
}

function describe({ name, kind, reaches }: Graph["nodes"][number], screen: Screen): string {
  const said = kind === "image" ? screen.bold(printable(name)) : `${printable(name)} ${screen.dim(`(${words[kind]})`)}`;
  return reaches.length === 0 ? said : `${said} ${screen.dim(`reaches ${plural(reaches.length, "image")}`)}`;
}

const words = { suites: "suites", base: "somebody else's image", git: "a repository", image: "image" } as const;

function printReach(node: Graph["nodes"][number], screen: Screen): string {
  const head = `${describe({ ...node, reaches: [] }, screen)} reaches ${node.reaches.length === 0 ? "nothing else" : plural(node.reaches.length, "image")}`;
  return [head, ...node.reaches.map((name) => `  ${printable(name)}`)].join("\n");
}
