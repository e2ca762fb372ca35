import { describe, expect, it } from "vitest";
import { createLockDemands } from "./demands-of-locks.ts";
import { madeFinding } from "./testdata/made-remedy.ts";

const pdm = `[[package]]
name = "flask"
version = "2.0"
dependencies = [
    "jinja2<3; sys_platform == \\"win32\\"",
    "jinja2<4; sys_platform == \\"linux\\"",
    "jinja2<5; python_version < \\"3.9\\"",
    "jinja2<6; and so on",
]

[[package]]
name = "jinja2"
version = "2.5"
`;
const files = [
  { path: "a/pdm.lock", text: pdm },
  { path: "b/requirements.txt", text: "jinja2==2.5\n" },
];
const of = (path?: string) =>
  madeFinding({ type: "pypi", package: "jinja2", version: "2.5", ...(path === undefined ? {} : { path }) });

describe("who asks by a lock file", () => {
  const demandsOf = createLockDemands(files);

  it("is what it says, where that may be asked on Linux", () => {
    expect(demandsOf(of("a/pdm.lock"))).toEqual({
      asked: [
        { file: "a/pdm.lock", name: "flask@2.0", range: "<4" },
        { file: "a/pdm.lock", name: "flask@2.0", range: "<5", when: 'python_version < "3.9"' },
        { file: "a/pdm.lock", name: "flask@2.0", range: "<6", when: "and so on" },
      ],
      gap: "a/pdm.lock: what the project itself asks for is not in it",
    });
  });

  it("is not known where it says nothing, and is another's business where no file names the package", () => {
    expect(demandsOf(of("b/requirements.txt"))).toEqual({
      asked: [],
      gap: "b/requirements.txt: it does not say who asks for what",
    });
    expect(demandsOf(of("c/uv.lock"))).toBeUndefined();
    expect(demandsOf(of())).toBeUndefined();
  });
});
