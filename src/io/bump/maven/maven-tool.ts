import { posix } from "node:path";
import { createMayGo, isSameVersion } from "../../../core/bump/index.ts";
import type { LockFile } from "../../../core/inventory/index.ts";
import { digestHex, sha256 } from "../../../lib/index.ts";
import { reachesOut } from "../error.ts";
import { explainRun } from "../explain-run.ts";
import { folderOf } from "../tree-reader.ts";
import type { BumpRequest, Env, PackageTool, Resolved, Sandbox, ToolFault, ToolFiles, TreeReader } from "../types.ts";
import { readDependencyTrees } from "./dependency-tree.ts";
import { findMirror, writeSettings } from "./maven-settings.ts";
import { plainPom } from "./plain-pom.ts";
import { planEdits } from "./plan-edits.ts";
import { findReactors, localParent, modulesOf, parentOf, readPomNode, type Pom, type Reactor } from "./reactor.ts";
import { textAt } from "./xml-nodes.ts";

const plugin = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:tree";
const mostPoms = 1000;
const mostParents = 30;
const mirrorVariable = "TIDEMILL_MAVEN_MIRROR";

/**
 * Maven has no lock file: the version is written into the pom that names it, and Maven then has to choose it. It is asked with poms of ours that say the same of packages and nothing else, those of parents from the registry too: so
 * no plugin, extension or repository of theirs counts, and one plugin is run, in the version named here. Maven, Introduction to the Dependency Mechanism.
 */
export const mavenTool: PackageTool = {
  program: "mvn",
  versionArguments: ["-Dstyle.color=never", "--version"],
  settings: {
    user: ["sh", "-c", 'cat "$HOME/.m2/settings.xml" 2>/dev/null || true'],
    installation: [
      "sh",
      "-c",
      'cat "$(mvn --version | sed -n "s/^Maven home: //p")/conf/settings.xml" 2>/dev/null || true',
    ],
  },
  readSettings: ({ user = "", installation = "" }) => {
    const mirror = findMirror([user, installation]);
    return mirror === "" ? {} : { [mirrorVariable]: mirror };
  },
  collect,
  change,
  check: () => undefined,
  mayGo: createMayGo,
};

async function collect(reader: TreeReader, { file }: BumpRequest): Promise<ToolFiles | string> {
  const files = new Map<string, Buffer>();
  const todo = [file];
  for (let path = todo.pop(); path !== undefined; path = todo.pop()) {
    if (files.has(path)) continue;
    const bytes = await reader.read(path);
    const pom = bytes && readPomNode(path, bytes.toString());
    if (bytes === undefined || pom === undefined) {
      if (path === file || todo.length === 0) return `there is no pom ${path}`;
      continue;
    }
    if (files.size >= mostPoms) return `${file} has more than ${mostPoms} modules`;
    files.set(path, bytes);
    const parent = parentOf(pom);
    todo.push(...modulesOf(pom));
    if (parent !== undefined && (await reader.read(parent)) !== undefined) todo.push(parent);
  }
  return { files, mayChange: [...files.keys()] };
}

async function change(
  sandbox: Sandbox,
  request: BumpRequest,
  { files }: ToolFiles,
  env: Env,
): Promise<ToolFault | Resolved> {
  const { file, package: name, moves } = request;
  const reactor = reactorOf(file, files);
  const edited = planEdits(reactor, name, moves);
  if (typeof edited === "string") return { kind: "refused", reason: edited };
  await sandbox.putHome(
    "settings.xml",
    writeSettings(env[mirrorVariable] ?? "", `file://${sandbox.home}/nowhere`, [
      env["https_proxy"],
      env["HTTPS_PROXY"],
      env["http_proxy"],
      env["HTTP_PROXY"],
    ]),
  );
  const maven = createMaven(sandbox, request);
  await maven.fetchPlugin(env[mirrorVariable] ?? "");
  const before = await maven.treesOf(reactor);
  if ("reason" in before) return before;
  const missing = moves.find(
    ({ from }) => !before.packages.some((one) => one.name === name && isSameVersion("maven", one.version, from)),
  );
  if (missing !== undefined)
    return {
      kind: "refused",
      reason: `Maven does not choose ${name} ${missing.from} for ${file}: it comes from elsewhere`,
    };
  const after = await maven.treesOf(
    reactorOf(file, new Map([...files, ...[...edited].map(([path, text]) => [path, Buffer.from(text)] as const)])),
  );
  if ("reason" in after) return after;
  for (const [path, text] of edited) await sandbox.write(path, text);
  return { kind: "resolved", before, after };
}

function reactorOf(file: string, files: ToolFiles["files"]): Reactor {
  const poms = new Map(
    [...files].flatMap(([path, bytes]) =>
      readPomNode(path, bytes.toString()) === undefined
        ? []
        : [[path, readPomNode(path, bytes.toString()) as Pom] as const],
    ),
  );
  const own = findReactors(poms).find(({ root }) => root === file);
  return own ?? { root: file, poms };
}

function createMaven(sandbox: Sandbox, { limits }: BumpRequest) {
  const { home } = sandbox;
  const run = (pom: string, goal: readonly string[]) =>
    sandbox.run(
      [
        ["mvn", "--batch-mode", "--quiet", "--no-transfer-progress", "--file", pom],
        ["--settings", `${home}/settings.xml`, "--global-settings", `${home}/settings.xml`],
        [
          `-Dmaven.repo.local=${home}/m2`,
          `-Duser.home=${home}`,
          "-Dstyle.color=never",
          "-Daether.connector.basic.threads=8",
        ],
        goal,
      ].flat(),
      {
        folder: "",
        env: {
          MAVEN_SKIP_RC: "1",
          MAVEN_OPTS: `-Xmx${Math.floor(limits.memory / 1_048_576)}m -XX:TieredStopAtLevel=1`,
        },
      },
    );
  /** Has poms of the registry fetched, as those of dependencies are: Maven reads them, and runs nothing of theirs. */
  const fetchParents = async (wanted: readonly string[]): Promise<ToolFault | undefined> => {
    const list = wanted.map((one) => {
      const [group, artifact, version] = one.split(":");
      return `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version><type>pom</type></dependency>`;
    });
    const path = await sandbox.putHome("parents/pom.xml", emptyProject(list.join("")));
    return explainRun("mvn", await run(path, [plugin, `-DoutputFile=${home}/parents.txt`]));
  };
  const parents = new Map<string, string>();
  const isDone = async (goal: readonly string[]): Promise<boolean> => {
    const path = await sandbox.putHome("empty/pom.xml", emptyProject(""));
    return explainRun("mvn", await run(path, goal)) === undefined;
  };
  /** Where the plain form of a parent of the registry stands; it is made where it is not there. */
  const parentAt = async (coordinates: string, depth = 0): Promise<string> => {
    const known = parents.get(coordinates);
    if (known !== undefined) return known;
    const [group = "", artifact = "", version = ""] = coordinates.split(":");
    const text = (
      await sandbox.readHome(`m2/${group.replaceAll(".", "/")}/${artifact}/${version}/${artifact}-${version}.pom`)
    ).toString();
    const pom = readPomNode("pom.xml", text);
    if (pom === undefined || depth > mostParents)
      reachesOut(`the parent ${coordinates} is not to be had from the registry`);
    const above = outsideParent(pom);
    const at = `${home}/parents/${parents.size}/pom.xml`;
    parents.set(coordinates, at);
    await sandbox.putHome(
      at.slice(home.length + 1),
      plainPom(pom, above === undefined ? undefined : await parentAt(above, depth + 1)),
    );
    return at;
  };
  return {
    /** The plugin is the same for every repository: it is fetched once from each mirror. */
    fetchPlugin: (mirror: string): Promise<void> =>
      sandbox.seed(`maven-${digestHex(sha256(`${plugin} ${mirror}`)).slice(0, 16)}`, "m2", () =>
        isDone([plugin, `-DoutputFile=${home}/empty.txt`]),
      ),
    treesOf: async ({ root, poms }: Reactor): Promise<LockFile | ToolFault> => {
      const foreign = [...poms.values()].flatMap((pom) =>
        localParent(pom, poms) === undefined ? (outsideParent(pom) ?? []) : [],
      );
      const fresh = [...new Set(foreign)].filter((one) => !parents.has(one));
      const fault = fresh.length === 0 ? undefined : await fetchParents(fresh);
      if (fault !== undefined) return fault;
      for (const pom of poms.values()) {
        const local = localParent(pom, poms);
        const outside = local === undefined ? outsideParent(pom) : undefined;
        const relative = local === undefined ? undefined : posix.relative(folderOf(pom.path), local);
        await sandbox.putHome(
          `poms/${pom.path}`,
          plainPom(pom, outside === undefined ? relative : await parentAt(outside)),
        );
      }
      await sandbox.putHome("trees.txt", "");
      const ended = await run(`${home}/poms/${root}`, [
        plugin,
        `-DoutputFile=${home}/trees.txt`,
        "-DappendOutput=true",
      ]);
      return explainRun("mvn", ended) ?? readDependencyTrees((await sandbox.readHome("trees.txt")).toString());
    },
  };
}

function emptyProject(dependencies: string): string {
  return `<project><modelVersion>4.0.0</modelVersion><groupId>tidemill</groupId><artifactId>empty</artifactId><version>1</version><packaging>pom</packaging><dependencies>${dependencies}</dependencies></project>`;
}

/** The parent of a pom as a registry has it. Throws REACHES_OUT. */
function outsideParent({ path, project }: Pom): string | undefined {
  const parts = ["groupId", "artifactId", "version"].map((one) => textAt(project, "parent", one));
  if (parts.every((one) => one === "")) return undefined;
  if (parts.some((one) => !/^[\w.-]+$/.test(one) || /^\.+$/.test(one)))
    reachesOut(`${path} names a parent that is none of a registry: ${parts.join(":").slice(0, 200)}`);
  return parts.join(":");
}
