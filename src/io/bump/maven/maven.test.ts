import { stat } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { needs } from "../../../../test/needs.ts";
import { bumpTrees, noProgram } from "../testdata/bump-tree.ts";
import { findPomLocks } from "./pom-locks.ts";
import { planEdits } from "./plan-edits.ts";
import { findReactors, readPomNode } from "./reactor.ts";

const moves = [{ from: "1.9", to: "1.10.0" }];
const text = { type: "maven", package: "org.apache.commons:commons-text", moves } as const;
const maven = needs(noProgram("mvn"));

function project(artifact: string, rest: string, end = "\n"): string {
  const lines = [
    '<?xml version="1.0"?>',
    "<!-- <version>1.9</version> -->",
    '<project xmlns="http://maven.apache.org/POM/4.0.0">',
    "  <modelVersion>4.0.0</modelVersion>",
    `  <groupId>shop.example</groupId><artifactId>${artifact}</artifactId><version>1.9</version>`,
    ...rest.split("\n"),
    "</project>",
    "",
  ];
  return lines.join(end);
}

function dependency(group: string, artifact: string, version?: string): string {
  return `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId>${version === undefined ? "" : `<version>${version}</version>`}</dependency>`;
}

const commons = (version?: string): string => dependency("org.apache.commons", "commons-text", version);
const managed = (rest: string): string =>
  `  <dependencyManagement><dependencies>${rest}</dependencies></dependencyManagement>`;

function plan(files: Readonly<Record<string, string>>) {
  const poms = new Map(
    Object.entries(files).flatMap(([path, one]) => {
      const pom = readPomNode(path, one);
      return pom === undefined ? [] : [[path, pom] as const];
    }),
  );
  const [reactor] = findReactors(poms);
  if (reactor === undefined) throw new Error("there is no reactor");
  const edited = planEdits(reactor, text.package, moves);
  return typeof edited === "string" ? edited : Object.fromEntries(edited);
}

describe("an edit of poms", () => {
  const child = (rest: string): string =>
    project(
      "child",
      `  <parent><groupId>shop.example</groupId><artifactId>top</artifactId><version>1.9</version></parent>\n${rest}`,
    );

  it.each([
    [
      "a dependency",
      project("app", `  <dependencies>${commons(" 1.9 ")}</dependencies>`),
      [" 1.9 </version></dependency>", " 1.10.0 </version></dependency>"],
    ],
    [
      "with line ends of Windows",
      project("app", `  <dependencies>\n${commons("1.9")}\n</dependencies>`, "\r\n"),
      ["<version>1.9</version></dependency>", "<version>1.10.0</version></dependency>"],
    ],
    [
      "a property",
      project(
        "app",
        `  <properties><text>1.9</text></properties>\n  <dependencies>${commons("${text}")}</dependencies>`,
      ),
      ["<text>1.9", "<text>1.10.0"],
    ],
    [
      "a rule",
      project("app", managed(commons("1.9"))),
      ["<version>1.9</version></dependency>", "<version>1.10.0</version></dependency>"],
    ],
    [
      "a rule of a profile",
      project("app", `<profiles><profile><id>x</id>${managed(commons("1.9"))}</profile></profiles>`),
      ["<version>1.9</version></dependency>", "<version>1.10.0</version></dependency>"],
    ],
    [
      "what others bring",
      project(
        "app",
        `  <dependencies>\n    ${dependency("org.apache.commons", "commons-configuration2", "2.8.0")}\n  </dependencies>`,
      ),
      [
        "  <dependencies>",
        "  <dependencyManagement>\n    <dependencies>\n      <dependency>\n        <groupId>org.apache.commons</groupId>\n        <artifactId>commons-text</artifactId>\n        <version>1.10.0</version>\n      </dependency>\n    </dependencies>\n  </dependencyManagement>\n  <dependencies>",
      ],
    ],
  ])("changes those bytes alone: %s", (_, before, [from = "", to = ""]) => {
    expect(plan({ "pom.xml": before })).toEqual({ "pom.xml": before.replace(from, to) });
  });

  it("changes the property of the parent that a module takes it from, and every module that names it", () => {
    const top = project(
      "top",
      "  <packaging>pom</packaging>\n  <modules><module>a</module><module>b</module></modules>\n  <properties><text>1.9</text></properties>",
    );
    const [a, b] = [
      child(`<dependencies>${commons("${text}")}</dependencies>`),
      child(`<dependencies>${commons("1.9")}</dependencies>`),
    ];
    expect(plan({ "pom.xml": top, "a/pom.xml": a, "b/pom.xml": b })).toEqual({
      "pom.xml": top.replace("<text>1.9", "<text>1.10.0"),
      "b/pom.xml": b.replace("<version>1.9</version></dependency>", "<version>1.10.0</version></dependency>"),
    });
  });

  it.each([
    ["a property of another's", "${elsewhere}"],
    ["a range", "[1,2)"],
  ])("is refused where the version is %s", (_, version) => {
    const found = plan({ "pom.xml": project("app", `<dependencies>${commons(version)}</dependencies>`) });
    if (version.startsWith("$"))
      expect(found).toMatch(
        /takes the version of org\.apache\.commons:commons-text from \$\{elsewhere\}, which is set elsewhere/,
      );
    else expect(found).toHaveProperty("pom.xml");
  });
});

describe("the poms of a repository", () => {
  it("are one lock file for all that is built together, with what they name, and more that Maven alone knows", () => {
    const parent = "<parent><groupId>shop.example</groupId><artifactId>top</artifactId><version>1.9</version></parent>";
    const locks = findPomLocks(
      new Map([
        [
          "pom.xml",
          project("top", `<packaging>pom</packaging><modules><module>a</module></modules>\n${managed(commons("1.9"))}`),
        ],
        [
          "a/pom.xml",
          project(
            "a",
            `${parent}\n<dependencies>${commons()}${dependency("b", "c", "${project.version}")}</dependencies>`,
          ),
        ],
        ["other/pom.xml", project("other", `<dependencies>${commons("1.8")}</dependencies>`)],
        ["evil/pom.xml", project("evil", "<modules><module>../../../etc</module></modules>")],
        ["broken/pom.xml", "<project><a></project>"],
        ["typed/pom.xml", '<!DOCTYPE project [<!ENTITY x SYSTEM "file:///etc/passwd">]><project>&x;</project>'],
      ]),
    );
    const named = [...locks].map(([path, { packages }]) => [
      path,
      packages.map(({ name, version }) => `${name} ${version}`),
    ]);
    expect(named).toEqual([
      ["pom.xml", ["org.apache.commons:commons-text 1.9", "b:c 1.9"]],
      ["other/pom.xml", ["org.apache.commons:commons-text 1.8"]],
      ["evil/pom.xml", []],
    ]);
    expect([...locks.values()].every(({ bringsMore }) => bringsMore === "maven")).toBe(true);
  });
});

describe("Maven", () => {
  const { bump, newFolder } = bumpTrees();
  let dir = "";
  beforeAll(async () => {
    dir = await newFolder();
  });
  const chosen = { ...text, file: "pom.xml" } as const;

  maven(
    "chooses the version of a dependency in a module, whose parent is of the registry, and of what another brings",
    async () => {
      const parent =
        "  <parent><groupId>org.apache.commons</groupId><artifactId>commons-parent</artifactId><version>54</version></parent>";
      const top = project("top", `${parent}\n  <packaging>pom</packaging>\n  <modules><module>a</module></modules>`);
      const a = project(
        "a",
        `  <parent><groupId>shop.example</groupId><artifactId>top</artifactId><version>1.9</version></parent>\n  <dependencies>${dependency("org.apache.commons", "commons-configuration2", "2.8.0")}</dependencies>`,
      );
      const { end, files } = await bump({ "pom.xml": top, "a/pom.xml": a }, chosen, undefined, dir);
      expect(end).toMatchObject({
        kind: "made",
        changes: [{ name: "org.apache.commons:commons-text", from: ["1.9"], to: ["1.10.0"] }],
        tool: expect.stringMatching(/^mvn 3/) as string,
      });
      expect(Object.keys(files)).toEqual(["pom.xml"]);
      expect(files["pom.xml"]).toContain("<version>1.10.0</version>");
    },
    120_000,
  );

  maven(
    "is believed where it never chose the version",
    async () => {
      const elsewhere = await bump({ "pom.xml": project("app", "") }, chosen, undefined, dir);
      expect(elsewhere.end).toEqual({
        kind: "refused",
        reason: "Maven does not choose org.apache.commons:commons-text 1.9 for pom.xml: it comes from elsewhere",
      });
    },
    120_000,
  );

  maven(
    "runs no plugin or extension of a repository and asks none of its registries",
    async () => {
      const hits: string[] = [];
      const server = createServer((request, response) => {
        hits.push(request.url ?? "");
        response.statusCode = 404;
        response.end();
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const away = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
      const canary = join(await newFolder(), "canary");
      const extension =
        "<extensions><extension><groupId>evil</groupId><artifactId>evil</artifactId><version>1</version></extension></extensions>";
      const evil = [
        `<repositories><repository><id>evil</id><url>${away}</url></repository></repositories>`,
        `<pluginRepositories><pluginRepository><id>evil</id><url>${away}</url></pluginRepository></pluginRepositories>`,
        `<build>${extension}<plugins><plugin><groupId>evil</groupId><artifactId>evil</artifactId><version>1</version><extensions>true</extensions></plugin></plugins></build>`,
        `<profiles><profile><id>x</id><activation><activeByDefault>true</activeByDefault></activation><repositories><repository><id>central</id><url>${away}</url></repository></repositories></profile></profiles>`,
      ].join("\n");
      try {
        const { end, files } = await bump(
          {
            "pom.xml": project("app", `<dependencies>${commons("1.9")}</dependencies>\n${evil}`),
            ".mvn/extensions.xml": extension,
            ".mvn/jvm.config": `-XX:OnOutOfMemoryError="touch ${canary}" -Xmx1m`,
            ".mvn/maven.config": `-s evil.xml\n-Dmaven.repo.remote=${away}\n`,
            "evil.xml": `<settings><mirrors><mirror><id>m</id><mirrorOf>*</mirrorOf><url>${away}</url></mirror></mirrors></settings>`,
            mvnw: `#!/bin/sh\ntouch ${canary}\n`,
          },
          chosen,
          undefined,
          dir,
        );
        expect(end.kind).toBe("made");
        expect(files["pom.xml"]).toContain(evil);
        expect([hits, await stat(canary).catch(() => undefined)]).toEqual([[], undefined]);
      } finally {
        server.close();
      }
    },
    120_000,
  );

  it.each([
    ["a module outside of it", "<modules><module>../../evil</module></modules>"],
    [
      "a parent outside of it",
      "<parent><groupId>a</groupId><artifactId>a</artifactId><version>1</version><relativePath>../../pom.xml</relativePath></parent>",
    ],
  ])("is not asked about %s", async (_, evil) => {
    expect((await bump({ "pom.xml": project("app", evil) }, chosen)).end).toMatchObject({
      kind: "refused",
      code: "REACHES_OUT",
    });
  });

  maven(
    "is not asked about a file of the machine",
    async () => {
      const system = dependency("a", "a", "1").replace(
        "</dependency>",
        "<scope>system</scope><systemPath>/etc/passwd</systemPath></dependency>",
      );
      expect(
        (await bump({ "pom.xml": project("app", `<dependencies>${system}</dependencies>`) }, chosen, undefined, dir))
          .end,
      ).toMatchObject({ kind: "refused", code: "REACHES_OUT" });
    },
    120_000,
  );
});
