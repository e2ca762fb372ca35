import { listFolder, type Tree } from "../inventory/index.ts";
import type { MarkerEnvironment } from "./python-marker.ts";

/** What `platform.machine()` says on Linux, by the architectures of OCI images. */
const machines: Readonly<Record<string, readonly string[]>> = {
  "386": ["i386", "i586", "i686"],
  amd64: ["x86_64"],
  arm: ["armv6l", "armv7l", "armv8l"],
  arm64: ["aarch64"],
  loong64: ["loongarch64"],
  mips64le: ["mips64"],
  ppc64le: ["ppc64le"],
  riscv64: ["riscv64"],
  s390x: ["s390x"],
};
/** Third numbers that a release of Python may have. */
const micros = Array.from({ length: 40 }, (_, at) => at);
const folders = ["usr/bin", "usr/local/bin"];
const linux: Readonly<Record<string, readonly string[]>> = {
  os_name: ["posix"],
  sys_platform: ["linux"],
  platform_system: ["Linux"],
};

/**
 * What the markers of Python's requirements are asked against in an image, by the folder that projects are installed in: it is named after the Python that uses it, or is of one of those that the image
 * has. What only a running system knows, as its kernel, is not known. PyPA, Dependency specifiers, Environment markers.
 */
export function createPythonEnvironments(
  tree: Tree,
  architecture: string | undefined,
): (site: string) => MarkerEnvironment {
  const machine = architecture !== undefined && Object.hasOwn(machines, architecture) ? machines[architecture] : [];
  let installed: readonly string[] | undefined;
  return (site) => {
    const [, kind, version] = /(?:^|\/)(python|pypy)(\d+\.\d+)?[^/]*\/(?:site|dist)-packages$/.exec(site) ?? [];
    const isOfDistribution = /(?:^|\/)python3\/dist-packages$/.test(site);
    const releases = version === undefined ? (isOfDistribution ? (installed ??= pythonsOf(tree)) : []) : [version];
    const values: Readonly<Record<string, readonly string[]>> = {
      ...linux,
      platform_machine: machine ?? [],
      python_version: releases,
      python_full_version: releases.flatMap((release) => micros.map((micro) => `${release}.${micro}`)),
      implementation_name: kind === undefined ? [] : [kind === "pypy" ? "pypy" : "cpython"],
      platform_python_implementation: kind === undefined ? [] : [kind === "pypy" ? "PyPy" : "CPython"],
    };
    return (variable) => (Object.hasOwn(values, variable) ? (values[variable] ?? []) : []);
  };
}

/** The releases of Python 3 whose programs lie where programs lie: `3.11`. */
function pythonsOf(tree: Tree): string[] {
  const found = new Set<string>();
  for (const folder of folders)
    for (const name of listFolder(tree, folder)) {
      const release = /^python(3\.\d+)$/.exec(name)?.[1];
      if (release !== undefined) found.add(release);
    }
  return [...found];
}
