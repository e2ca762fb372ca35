import type { Env, RunOptions, Sandbox, SettingsQuestion } from "../types.ts";

/** Where this machine looks for Python packages, as pip and uv are set here: outside of any repository. uv reads no setting of pip's. uv, Configuration files; pip, Configuration. */
export const uvSettings: SettingsQuestion = {
  UV_DEFAULT_INDEX: [
    "sh",
    "-c",
    'echo "${UV_DEFAULT_INDEX:-${UV_INDEX_URL:-$(pip config get global.index-url || pip config get user.index-url)}}"',
  ],
  UV_INDEX: ["sh", "-c", 'echo "${UV_INDEX:-${UV_EXTRA_INDEX_URL:-$(pip config get global.extra-index-url)}}"'],
};

/** The same for what is made of pip. */
export const pipSettings: SettingsQuestion = {
  PIP_INDEX_URL: [
    "sh",
    "-c",
    'echo "${PIP_INDEX_URL:-$(pip config get global.index-url || pip config get user.index-url)}"',
  ],
  PIP_EXTRA_INDEX_URL: ["sh", "-c", 'echo "${PIP_EXTRA_INDEX_URL:-$(pip config get global.extra-index-url)}"'],
  PIP_CERT: ["sh", "-c", 'echo "${PIP_CERT:-$(pip config get global.cert)}"'],
};

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
