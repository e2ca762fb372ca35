import { afterAll, beforeAll, describe, expect } from "vitest";
import { missingMirror } from "../../src/loop/build/testdata/real-packages.ts";
import { missingDocker } from "../assembly/docker-run.ts";
import { needs } from "../needs.ts";
import { compareTrees, createPatchYard, type PatchYard } from "./patch-yard.ts";
import { patchDockerfile } from "../../src/core/patch/index.ts";

const missing = (await missingMirror()) ?? (await missingDocker());
const base = ["apt", "libc-bin", "passwd", "libpam-runtime", "ca-certificates"];

let yard: PatchYard;
beforeAll(async () => {
  if (missing === undefined) yard = await createPatchYard("bookworm");
}, 120_000);
afterAll(() => yard?.close());

/** What apt leaves that a patch does not, or the other way round: caches, logs, the order of certificates, timers of a system with systemd. */
const different =
  /^(?:var\/(?:cache|log)\/|var\/lib\/apt\/(?:extended_states|lists)|var\/lib\/dpkg\/status|etc\/ca-certificates\.conf|etc\/ssl\/certs\/ca-certificates\.crt|etc\/systemd\/system\/|var\/lib\/systemd\/deb-systemd)/;

describe("an image of the release, made before its security updates", () => {
  needs(missing)(
    "that apt has installed is patched as apt would have patched it, and works",
    async () => {
      const bottom = await yard.assemble("bottom", base);
      const original = await yard.build(
        "app",
        `FROM ${yard.host}/bottom@${bottom}
COPY sources/release.list /etc/apt/sources.list.d/debian.list
RUN printf 'path-exclude /usr/share/doc/*\\npath-include /usr/share/doc/*/copyright\\n' > /etc/dpkg/dpkg.cfg.d/docker
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends curl openssl tzdata xz-utils && rm -rf /var/lib/apt/lists/*
COPY sources/all.list /etc/apt/sources.list.d/debian.list
USER 1000
CMD ["curl", "--version"]
`,
      );
      const outcome = await yard.patch("app", original);
      if (outcome.kind !== "patched") throw new Error(JSON.stringify(outcome));
      const { digest, changes } = outcome;
      const fixed = changes.find(({ name }) => name === "openssl")?.to ?? "none";
      expect(changes.map(({ name }) => name)).toEqual(
        expect.arrayContaining(["libssl3", "openssl", "ca-certificates"]),
      );
      expect(await yard.patch("app", original)).toEqual({ ...outcome, uploaded: 0 });

      const script = `
        dpkg-query -W -f '\${Version} ' openssl; dpkg --audit; apt-get check > /dev/null
        dpkg -V | grep -v '^missing .* /usr/share/doc/' || true
        openssl version
        openssl req -x509 -newkey rsa:2048 -nodes -keyout /tmp/key -out /tmp/ca -days 1 -subj /CN=localhost -addext subjectAltName=DNS:localhost 2> /dev/null
        openssl s_server -accept 8443 -key /tmp/key -cert /tmp/ca -www -quiet > /dev/null 2>&1 &
        sleep 1
        curl -sS -o /dev/null --retry 5 --retry-connrefused -w 'TLS %{http_code}' --cacert /tmp/ca https://localhost:8443/
        ldconfig -C /tmp/cache 2> /dev/null && cmp /tmp/cache /etc/ld.so.cache`;
      const { status, output } = await yard.run("app", digest, script);
      expect(`${status} ${output}`).toMatch(/^0 \S+ OpenSSL 3\.[^\n]*\nTLS 200$/);
      expect(output.startsWith(`${fixed} `)).toBe(true);

      const packages = changes.map(({ name, to = "" }) => ({ name, version: to }));
      const repository = `${yard.host}/app`;
      const made = await yard.build(
        "apt",
        patchDockerfile({ repository, digest: original, manager: "apt", packages, user: "1000" }),
      );
      const [one, other] = [await yard.tree("app", digest), await yard.tree("apt", made)];
      expect(compareTrees(one, other).filter((line) => !different.test(line))).toEqual([]);
      const list = "dpkg-query -W -f '${Package} ${Architecture} ${Version} ${Status} ${Depends} ${Conffiles}\\n'";
      expect((await yard.run("app", digest, list)).output).toBe((await yard.run("apt", made, list)).output);
    },
    600_000,
  );

  needs(missing)(
    "whose packages' scripts must run is left to an engine, whose result is proven",
    async () => {
      const original = await yard.assemble("python", [...base, "python3-minimal", "openssl"]);
      const outcome = await yard.patch("python", original);
      if (outcome.kind !== "needs-engine") throw new Error(JSON.stringify(outcome));
      const [platform] = outcome.platforms;
      expect(platform?.needs.map(({ name }) => name)).toEqual(expect.arrayContaining(["python3.11-minimal"]));
      expect(platform?.swaps.map(({ name }) => name)).toEqual(
        expect.arrayContaining(["openssl", "python3.11-minimal"]),
      );
      const built = await yard.build("python", platform?.dockerfile ?? "");
      const changes = await yard.proveBuilt("python", outcome.platforms, built);
      expect(changes.map(({ name, to }) => `${name} ${to}`)).toEqual(
        platform?.swaps.map(({ name, to }) => `${name} ${to}`),
      );
      const { output } = await yard.run(
        "python",
        built,
        "dpkg --audit; dpkg -V; python3 -c 'print(1)'; find /var/lib/apt/lists /var/log/apt -type f",
      );
      expect(output).toBe("1\n");
      expect(await yard.patch("python", built)).toMatchObject({ kind: "mirrored", digest: built });
    },
    600_000,
  );

  needs(missing)(
    "without dpkg, a file for each package, is patched, and its curl speaks TLS",
    async () => {
      const original = await yard.assemble("less", ["base-files", "curl", "openssl", "busybox"], false);
      const outcome = await yard.patch("less", original);
      if (outcome.kind !== "patched") throw new Error(JSON.stringify(outcome));
      const script = `openssl version
        openssl req -x509 -newkey rsa:2048 -nodes -keyout /tmp/key -out /tmp/ca -days 1 -subj /CN=localhost -addext subjectAltName=DNS:localhost 2> /dev/null
        openssl s_server -accept 8443 -key /tmp/key -cert /tmp/ca -www -quiet > /dev/null 2>&1 &
        /bin/busybox sleep 1
        curl -sS -o /dev/null --retry 5 --retry-connrefused -w 'TLS %{http_code}' --cacert /tmp/ca https://localhost:8443/`;
      const { output } = await yard.run("less", outcome.digest, script, ["/bin/busybox", "sh"]);
      expect(output).toMatch(/^OpenSSL 3\.[^\n]*\nTLS 200$/);
      const fixed = outcome.changes.find(({ name }) => name === "openssl")?.to ?? "";
      expect(output).toContain(fixed.replace(/-.*/, ""));
    },
    400_000,
  );
});
