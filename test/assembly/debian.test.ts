import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { copyImage, writeDockerArchive } from "../../src/io/registry/index.ts";
import { createMill, requestOf, type Mill } from "../../src/loop/build/testdata/mill.ts";
import { missingMirror, realPackages } from "../../src/loop/build/testdata/real-packages.ts";
import { findDebianMirror } from "../apt/debian-mirror.ts";
import { needs } from "../needs.ts";
import { docker, inContainer, missingDocker } from "./docker-run.ts";

const missing = (await missingMirror()) ?? (await missingDocker());
const repository = "localhost/tidemill-assembly-test";
const app = { name: "app", uid: 10001, home: "/home/app", shell: "/bin/sh" };
const programs = [
  "base-files",
  "base-passwd",
  "libc-bin",
  "ca-certificates",
  "netbase",
  "tzdata",
  "curl",
  "git",
  "nginx",
  "python3",
];

let mill: Mill;
beforeAll(async () => {
  mill = await createMill();
});
afterAll(() => mill.remove());

describe.each([
  ["bookworm", ["bookworm", "bookworm-updates", "bookworm-security"]],
  ["trixie", ["trixie", "trixie-updates", "trixie-security"]],
])("an assembled image of %s", (codename, suites) => {
  const images: string[] = [];
  afterAll(async () => {
    if (images.length > 0) await docker(["rmi", "--force", ...images]);
  });

  /** Builds an image and gives it to docker; the name that docker has for it. */
  async function load(tag: string, roots: readonly string[], essential: boolean): Promise<string> {
    const real = await realPackages(suites);
    const assembler = mill.assembler({ fetchPackage: (record) => real.fetch(record) });
    const packages = real.resolve(roots, { essential });
    const { digest } = await assembler.assemble(
      requestOf(packages, { accounts: [app], image: tag, timezone: "Europe/Berlin" }),
      mill.layout,
    );
    const folder = await mkdtemp(join(tmpdir(), "tidemill-load-"));
    try {
      const archive = join(folder, "image.tar");
      const writer = writeDockerArchive(archive, repository);
      await copyImage(mill.layout, digest, writer, { tag: `${codename}-${tag}` });
      await writer.finish();
      expect(await docker(["load", "--quiet", "--input", archive])).toMatchObject({ status: 0 });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
    const name = `${repository}:${codename}-${tag}`;
    images.push(name);
    return name;
  }

  needs(missing)(
    "runs curl, git, nginx and python, with certificates, accounts and the time zone",
    async () => {
      const image = await load("programs", [...programs, "dash", "coreutils"], false);
      const script = `
        test "$(date -d @0 +%H)" = 01
        git init -q /tmp/a; cd /tmp/a; echo a > a; git add a
        git -c user.name=a -c user.email=a@example.invalid commit -qm a; git log --format=%s
        nginx -t
        python3 -c 'import ssl; print(len(ssl.create_default_context().get_ca_certs()) > 100, ssl.OPENSSL_VERSION)'
        python3 -c 'import pwd; print(pwd.getpwnam("app").pw_dir, pwd.getpwnam("www-data").pw_uid)'
        openssl req -x509 -newkey rsa:2048 -nodes -keyout /tmp/key -out /tmp/ca -days 1 -subj /CN=localhost -addext subjectAltName=DNS:localhost 2> /dev/null
        openssl s_server -accept 8443 -key /tmp/key -cert /tmp/ca -www -quiet > /dev/null 2>&1 &
        sleep 1
        curl -sS -o /dev/null --retry 5 --retry-connrefused -w 'TLS %{http_code}' --cacert /tmp/ca https://localhost:8443/
        curl -sS -o /dev/null https://localhost:8443/ || echo " refused $?"
        openssl verify -CApath /etc/ssl/certs /usr/share/ca-certificates/mozilla/ISRG_Root_X1.crt
        openssl verify -CAfile /etc/ssl/certs/ca-certificates.crt /usr/share/ca-certificates/mozilla/ISRG_Root_X1.crt
        ldconfig -p | head -1; ldconfig; ldconfig -p | head -1
      `;
      const { status, output } = await inContainer(image, script);
      expect(`${status} ${output}`).toMatch(/^0 a\n/);
      expect(output).toContain("test is successful");
      expect(output).toMatch(/True OpenSSL 3/);
      expect(output).toContain("/home/app 33");
      expect(output).toMatch(/TLS 200.* refused 60/s);
      expect(output.match(/ISRG_Root_X1.crt: OK/g)).toHaveLength(2);
    },
    180_000,
  );

  needs(missing)(
    "with the Essential set is one that dpkg and apt take for their own, and a Dockerfile of many steps can stand on",
    async () => {
      const image = await load(
        "apt",
        ["apt", "ca-certificates", "netbase", "tzdata", "libpam-runtime", "passwd"],
        true,
      );
      const state = await inContainer(
        image,
        `dpkg --audit; dpkg -V; dpkg -l | grep -c ^ii; dpkg -L bash | grep -xE "(/usr)?/bin/bash"; apt-get check; apt-mark showmanual | wc -l
         for name in awk pager which; do update-alternatives --query $name > /dev/null; done
         cp /etc/ld.so.cache /tmp/before; ldconfig; cmp /tmp/before /etc/ld.so.cache
         find / -xdev -path /proc -prune -o -newer /tmp/before -path '/etc/ssl/*' -print
         cp -r /etc/ssl /tmp/ssl; update-ca-certificates 2>&1; update-ca-certificates --fresh > /dev/null; diff -r /etc/ssl /tmp/ssl
         cp -r /etc/pam.d /tmp/pam; pam-auth-update --package; diff -r /etc/pam.d /tmp/pam
         pwck -rq; grpck -r; useradd -m someone; su someone -c id`,
      );
      expect(`${state.status} ${state.output}`).toMatch(/^0 \d+\n(?:\/usr)?\/bin\/bash\n/);
      expect(state.output).toContain("(someone)");
      expect(state.output).toContain("0 added, 0 removed");

      const folder = await mkdtemp(join(tmpdir(), "tidemill-dockerfile-"));
      try {
        const sources = sourcesOf(suites);
        await writeFile(join(folder, "debian.list"), sources);
        await writeFile(
          join(folder, "Dockerfile"),
          `FROM ${image}
COPY debian.list /etc/apt/sources.list.d/
RUN apt-get update && apt-get -y upgrade && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends adduser less nginx && nginx -t && test -L /usr/bin/pager
RUN adduser --system --group worker && id worker && apt-get -y remove --purge nginx nginx-common && apt-get -y autoremove && dpkg --audit && apt-get check
RUN apt-get install -y --reinstall base-passwd base-files dash libc-bin ca-certificates && dpkg -V
`,
        );
        const deep = Array.from(
          { length: 20 },
          (_, at) => `RUN echo ${at} > /srv/${at}\nCOPY debian.list /srv/list-${at}\n`,
        );
        await writeFile(join(folder, "deep"), `FROM ${image}\n${deep.join("")}RUN ls /srv | wc -l | grep -x 40\n`);
        const top = await docker([
          "build",
          "--network",
          "none",
          "--tag",
          `${image}-deep`,
          "--file",
          join(folder, "deep"),
          folder,
        ]);
        images.unshift(`${image}-deep`);
        expect(`${top.status} ${top.status === 0 ? "" : top.output}`).toBe("0 ");
        const name = `${image}-child`;
        const built = await docker(["build", "--network", "host", "--tag", name, folder]);
        images.unshift(name);
        expect(`${built.status} ${built.status === 0 ? "" : built.output}`).toBe("0 ");
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
    300_000,
  );
});

function sourcesOf(suites: readonly string[]): string {
  const mirror = findDebianMirror();
  return suites
    .map((suite) => `deb ${(suite.endsWith("-security") ? mirror?.security : mirror?.archive) ?? ""} ${suite} main\n`)
    .join("");
}
