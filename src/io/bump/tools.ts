import { goTool } from "./go-tool.ts";
import { mavenTool } from "./maven/maven-tool.ts";
import { npmTool } from "./npm-tool.ts";
import { readCompileHeader } from "./python/compile-header.ts";
import { compiledByPipTools, compiledByUv } from "./python/compiled-tool.ts";
import { requirementsByPip, requirementsByUv } from "./python/requirements-tool.ts";
import { uvTool } from "./python/uv-tool.ts";
import type { PackageTool } from "./types.ts";

/** Which package managers change a lock file, that which does it best first: by its name, and by what it says of who wrote it. */
type ToolChoice = (file: string, text: string) => readonly PackageTool[];

const tools: Readonly<Record<string, ToolChoice>> = {
  "package-lock.json": () => [npmTool],
  "npm-shrinkwrap.json": () => [npmTool],
  "go.mod": () => [goTool],
  "requirements.txt": chooseForRequirements,
  "uv.lock": () => [uvTool],
  "pom.xml": () => [mavenTool],
};

/** The package managers for a lock file; none where nothing here writes it. */
export function toolsFor(file: string, text: string): readonly PackageTool[] {
  const name = file.slice(file.lastIndexOf("/") + 1);
  return Object.hasOwn(tools, name) ? (tools[name]?.(file, text) ?? []) : [];
}

/** What was compiled is compiled anew, by who did it. */
function chooseForRequirements(file: string, text: string): readonly PackageTool[] {
  const header = readCompileHeader(file, text);
  if (header === undefined) return [requirementsByUv, requirementsByPip];
  return typeof header !== "string" && header.program === "pip-compile" ? [compiledByPipTools] : [compiledByUv];
}
