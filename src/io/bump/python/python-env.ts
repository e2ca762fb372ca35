import type { Env, PackageTool, RunOptions, Sandbox } from "../types.ts";

const pip = ["pip", "config", "list"];

/** Where this machine looks for Python packages, as pip and uv are set here: outside of any repository. uv reads no setting of pip's. uv, Configuration files; pip, Configuration. */
export const uvSettings: Pick<PackageTool, "settings" | "readSettings"> = {
  settings: {
    UV_DEFAULT_INDEX: ["sh", "-c", 'echo "${UV_DEFAULT_INDEX:-$UV_INDEX_URL}"'],
    UV_INDEX: ["sh", "-c", 'echo "${UV_INDEX:-$UV_EXTRA_INDEX_URL}"'],
    pip,
  },
  readSettings: ({ UV_DEFAULT_INDEX, UV_INDEX, pip = "" }) =>
    known({
      UV_DEFAULT_INDEX: UV_DEFAULT_INDEX ?? settingOf(pip, "index-url"),
      UV_INDEX: UV_INDEX ?? settingOf(pip, "extra-index-url"),
    }),
};

/** The same for what is made of pip. */
export const pipSettings: Pick<PackageTool, "settings" | "readSettings"> = {
  settings: { pip },
  readSettings: ({ pip = "" }) =>
    known({
      PIP_INDEX_URL: settingOf(pip, "index-url"),
      PIP_EXTRA_INDEX_URL: settingOf(pip, "extra-index-url"),
      PIP_CERT: settingOf(pip, "cert"),
    }),
};

/** A line of `pip config list`: what stands in the environment counts before what a user set, and that before what the system does. */
function settingOf(list: string, name: string): string | undefined {
  const found = [":env:\\.", "(?:site|user)\\.", "global\\."].map(
    (place) => new RegExp(`^${place}${name}='(.*)'$`, "m").exec(list)?.[1],
  );
  return found.find((one) => one !== undefined);
}

function known(env: Readonly<Record<string, string | undefined>>): Env {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

/** Nothing is built, so that no code of a package or of the repository is run; no interpreter is fetched; the machine's certificates count. uv, Environment variables. */
export function uvRun({ home }: Sandbox, env: Env, folder: string): RunOptions {
  return {
    folder,
    env: {
      ...env,
      UV_NO_BUILD: "1",
      UV_NO_ENV_FILE: "1",
      UV_NO_PROGRESS: "1",
      UV_PYTHON_DOWNLOADS: "never",
      UV_PYTHON_PREFERENCE: "only-system",
      UV_SYSTEM_CERTS: "1",
      UV_NATIVE_TLS: "1",
      UV_CACHE_DIR: `${home}/cache`,
      GIT_CONFIG_GLOBAL: "/dev/null",
    },
  };
}

/**
 * Of a tool that is Python itself and has no setting that keeps it from building: it starts no program, so it cannot. The hook is there before its own first line. Python, sys.addaudithook; site, sitecustomize.
 */
const guard = `import sys


def refuse(event, args):
    if event in ("subprocess.Popen", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty", "os.system"):
        raise PermissionError("a package would have to be built, and no program is started here: %r" % (args[0] if args else event,))


sys.addaudithook(refuse)
`;

/** The environment of a Python program that can start no other. */
export async function guardedRun(sandbox: Sandbox, env: Env, folder: string): Promise<RunOptions> {
  await sandbox.putHome("guard/sitecustomize.py", guard);
  return {
    folder,
    env: {
      ...env,
      PYTHONPATH: `${sandbox.home}/guard`,
      PYTHONDONTWRITEBYTECODE: "1",
      PYTHONNOUSERSITE: "1",
      PIP_CONFIG_FILE: "/dev/null",
      PIP_DISABLE_PIP_VERSION_CHECK: "1",
      PIP_NO_INPUT: "1",
      PIP_CACHE_DIR: `${sandbox.home}/cache`,
    },
  };
}
