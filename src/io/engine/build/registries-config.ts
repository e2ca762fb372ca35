const loopback = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/;

/**
 * A containers-registries.conf that says what `text` does and, of `registries`, lets those on loopback speak plain HTTP;
 * a name without a registry means Docker Hub, as it does for the other engines. containers-registries.conf(5).
 */
export function registriesConfig(text: string, registries: readonly string[]): string {
  const local = [...new Set(registries)].filter((each) => loopback.test(each) && !text.includes(`"${each}"`));
  const search = /^\s*unqualified-search-registries\s*=/m.test(text)
    ? ""
    : 'unqualified-search-registries = ["docker.io"]\n';
  const mode = /^\s*short-name-mode\s*=/m.test(text) ? "" : 'short-name-mode = "permissive"\n';
  const plain = local.map((each) => `\n[[registry]]\nlocation = "${each}"\ninsecure = true\n`);
  return `${search}${mode}${text}\n${plain.join("")}`;
}
