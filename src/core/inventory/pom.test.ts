import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readPom } from "./pom.ts";

describe("readPom", () => {
  it("tells who it is of and what it declares, its own properties and management filled in", () => {
    const pom = readPom(`<?xml version="1.0"?>
<!-- <dependency> in a comment -->
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <parent><groupId>org.parent</groupId><artifactId>parent</artifactId><version>7</version></parent>
  <artifactId>app</artifactId>
  <properties><jackson>2.15</jackson><jackson.version>\${jackson}.0</jackson.version></properties>
  <dependencyManagement><dependencies>
    <dependency><groupId>org.a</groupId><artifactId>managed</artifactId><version>[1.0,2.0)</version></dependency>
  </dependencies></dependencyManagement>
  <dependencies>
    <dependency><groupId>com.jackson</groupId><artifactId>databind</artifactId><version>\${jackson.version}</version></dependency>
    <dependency><groupId>org.a</groupId><artifactId>managed</artifactId>
      <exclusions><exclusion><groupId>x</groupId><artifactId>y</artifactId></exclusion></exclusions></dependency>
    <dependency><groupId>\${project.groupId}</groupId><artifactId>sibling</artifactId><version>\${project.version}</version><optional>true</optional></dependency>
    <dependency><groupId>junit</groupId><artifactId>junit</artifactId><version>4</version><scope>test</scope></dependency>
    <dependency><groupId>org.b</groupId><artifactId>open</artifactId></dependency>
    <dependency><groupId>org.b</groupId><artifactId>unset</artifactId><version>\${nowhere}</version></dependency>
  </dependencies>
  <profiles><profile><dependencies><dependency><groupId>no</groupId><artifactId>no</artifactId></dependency></dependencies></profile></profiles>
</project>`);
    expect(pom).toMatchObject({ group: "org.parent", artifact: "app", version: "7" });
    expect(
      pom?.dependencies.map(({ group, artifact, version, scope, isOptional }) => [
        `${group}:${artifact}`,
        version,
        scope,
        isOptional,
      ]),
    ).toEqual([
      ["com.jackson:databind", "2.15.0", "compile", false],
      ["org.a:managed", "[1.0,2.0)", "compile", false],
      ["org.parent:sibling", "7", "compile", true],
      ["junit:junit", "4", "test", false],
      ["org.b:open", undefined, "compile", false],
      ["org.b:unset", "${nowhere}", "compile", false],
    ]);
  });

  it("does not let properties or entities grow", () => {
    const bombs = Array.from({ length: 30 }, (_, at) => `<p${at}>${`\${p${at + 1}}`.repeat(100)}</p${at}>`).join("");
    const started = performance.now();
    const pom = readPom(
      `<!DOCTYPE project [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><project><artifactId>&b;</artifactId><properties>${bombs}<loop>\${loop}</loop></properties>` +
        `<dependencies><dependency><groupId>\${p0}</groupId><artifactId>\${loop}</artifactId></dependency></dependencies></project>`,
    );
    expect(pom?.artifact).toBe("&b;");
    expect(pom?.dependencies[0]?.artifact).toBe("${loop}");
    expect(pom?.dependencies[0]?.group.length).toBeLessThan(2_000_000);
    expect(performance.now() - started).toBeLessThan(1000);
  });

  it("never throws, and is none where there is no project", () => {
    expect(readPom("<html></html>")).toBeUndefined();
    const piece = fc.constantFrom(
      "<project>",
      "</project>",
      "<dependencies>",
      "<dependency>",
      "<!--",
      "-->",
      "<",
      ">",
      "${a}",
      "<a/>",
      "&lt;",
      "\0",
    );
    fc.assert(
      fc.property(
        fc.array(piece).map((all) => `<project>${all.join("")}`),
        (text) => void readPom(text),
      ),
    );
  });
});
