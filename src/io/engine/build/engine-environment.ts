/** What a program of an engine needs of ours: where programs, daemons, registries and their credentials are. */
const kept = [
  "PATH",
  "HOME",
  "USER",
  "LOGNAME",
  "XDG_RUNTIME_DIR",
  "XDG_CONFIG_HOME",
  "DOCKER_HOST",
  "DOCKER_CONTEXT",
  "DOCKER_CONFIG",
  "DOCKER_CERT_PATH",
  "DOCKER_TLS_VERIFY",
  "DOCKER_API_VERSION",
  "REGISTRY_AUTH_FILE",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "NO_PROXY",
  "http_proxy",
  "https_proxy",
  "no_proxy",
];

/**
 * The environment of an engine's program: a closed list of our variables, those of `keep`, and `set`. No address of a
 * database, no token and no key of ours is in it, so a build that found a way to it would find none.
 */
export function engineEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  keep: readonly string[],
  set: Readonly<Record<string, string>>,
): Record<string, string> {
  // A daemon behind ssh is reached with the agent's keys.
  const agent = env["DOCKER_HOST"]?.startsWith("ssh:") === true ? ["SSH_AUTH_SOCK"] : [];
  const names = [...kept, ...agent, ...keep];
  const taken = names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]] as const]));
  return { ...Object.fromEntries(taken), LC_ALL: "C.UTF-8", ...set };
}
