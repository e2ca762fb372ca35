import { describe, expect, it } from "vitest";
import { sha256 } from "../../lib/index.ts";
import { judgeDrift, type DriftRules, type DriftSubject } from "./judge-drift.ts";
import type { LayerEntry } from "./layer-facts.ts";
import { mergeLayers } from "./tree.ts";
import type { InstalledPackage } from "./types.ts";

const one = (type: InstalledPackage["type"], name: string, version: string): InstalledPackage => ({
  type,
  name,
  version,
  architecture: "amd64",
  source: name,
  sourceVersion: version,
  layer: sha256(""),
});
const file = (path: string, size: number, mode = 0o755): LayerEntry => ({
  path,
  type: "file",
  mode,
  uid: 0,
  gid: 0,
  size,
});
interface Made {
  readonly packages?: readonly InstalledPackage[];
  readonly files?: readonly LayerEntry[];
  readonly config?: DriftSubject["config"];
}
function subject({ packages = [], files = [], config = {} }: Made): DriftSubject {
  const platform = { os: "linux", architecture: "amd64" };
  const facts = { diffId: sha256("x"), unpacked: 0, entries: files, whiteouts: [], opaques: [], problems: [] };
  return {
    tree: mergeLayers([facts]),
    config,
    inventory: { platform, os: undefined, packages, status: "complete", system: "complete", problems: [] },
  };
}
const allow: DriftRules = {
  removed: "allow",
  added: "allow",
  downgraded: "allow",
  setuid: "allow",
  user: "allow",
  entrypoint: "allow",
  ports: "allow",
  size: "allow",
  growth: 10,
};
const before: Made = {
  packages: [one("deb", "curl", "7.88-10"), one("npm", "left-pad", "1.10.0"), one("deb", "gone", "1")],
  files: [file("usr/bin/su", 1000, 0o4755)],
  config: { User: "app", Entrypoint: ["/app"], ExposedPorts: { "80/tcp": {} } },
};
const after: Made = {
  packages: [one("deb", "curl", "7.88-9"), one("npm", "left-pad", "1.9.0"), one("deb", "new", "2")],
  files: [file("usr/bin/su", 1000, 0o4755), file("usr/bin/own", 101, 0o4755)],
  config: { User: "root", Entrypoint: ["/app", "-v"], ExposedPorts: { "80/tcp": {}, "22/tcp": {} } },
};

describe("what drifts", () => {
  it.each<[keyof DriftRules, string[]]>([
    ["removed", ["gone 1 is gone"]],
    ["added", ["new 2 is new"]],
    ["downgraded", ["curl goes back from 7.88-10 to 7.88-9", "left-pad goes back from 1.10.0 to 1.9.0"]],
    ["setuid", ["usr/bin/own: set-id file, mode 4755, owner 0:0"]],
    ["user", ['it runs as "root", not as "app"']],
    ["entrypoint", ['it starts ["/app","-v"], not ["/app"]']],
    ["ports", ["it exposes 22/tcp"]],
    ["size", ["its files grew from 1000 to 1101 bytes, by more than 10 %"]],
  ])("%s is refused, warned of or allowed", (kind, messages) => {
    const judge = (answer: string, from: Made = before) =>
      judgeDrift(subject(from), subject(after), { ...allow, [kind]: answer });
    expect(judge("refuse")).toEqual({ verdict: "failed", messages });
    expect(judge("warn")).toEqual({ verdict: "warned", messages });
    expect(judge("ask")).toEqual({ verdict: "warned", messages, asks: true });
    expect(judge("allow")).toEqual({ verdict: "passed", messages: [] });
    expect(judge("refuse", after)).toEqual({ verdict: "passed", messages: [] });
  });

  it("asks nobody of what is refused anyway", () => {
    const from = subject({ packages: [one("npm", "a", "1.0.0")] });
    const to = subject({ packages: [one("npm", "b", "1.0.0")] });
    expect(judgeDrift(from, to, { ...allow, removed: "refuse", added: "ask" })).toEqual({
      verdict: "failed",
      messages: ["a 1.0.0 is gone", "b 1.0.0 is new"],
    });
    expect(judgeDrift(from, to, { ...allow, removed: "warn", added: "ask" })).toEqual({
      verdict: "warned",
      messages: ["b 1.0.0 is new", "a 1.0.0 is gone"],
      asks: true,
    });
  });

  it("calls no version older that has no order, and shows what was refused first", () => {
    const odd = judgeDrift(
      subject({ packages: [one("npm", "a", "latest"), one("npm", "b", "1.0.0")] }),
      subject({ packages: [one("npm", "a", "1.0.0"), one("npm", "c\u001b[31m", "1.0.0")] }),
      { ...allow, downgraded: "refuse", added: "warn", removed: "refuse" },
    );
    expect(odd.messages[0]).toBe("b 1.0.0 is gone");
    expect(odd.messages).toHaveLength(2);
    expect(odd.messages.join("")).not.toContain("\u001b");
  });
});
