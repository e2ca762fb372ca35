import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { DebSpec } from "../../fakes/make-deb.ts";
import { freePort } from "../../free-port.ts";

const run = promisify(execFile);
const source = fileURLToPath(new URL("small-web.go", import.meta.url));
const proxyImage = "tidemill-test/proxy:1";

/** A project of a proxy and the service behind it, in containers of the machine's own Docker. */
export interface WebSite {
  /** Folder of its compose file. */
  readonly folder: string;
  readonly project: string;
  /** Where the proxy answers. */
  readonly url: string;
  /** Ids of the containers of the service, those that have ended too. */
  readonly containers: () => Promise<string[]>;
  /** Runs Compose with the site's own file alone, as a person would. */
  readonly compose: (...args: string[]) => Promise<void>;
  readonly docker: (...args: string[]) => Promise<string>;
  readonly close: () => Promise<void>;
}

/** Why no such project can be had here; undefined where it can. */
export async function missingWebSite(): Promise<string | undefined> {
  const works = (file: string, ...args: string[]): Promise<boolean> =>
    run(file, args).then(
      () => true,
      () => false,
    );
  if (!(await works("docker", "info"))) return "a Docker daemon that answers";
  if (!(await works("docker", "compose", "version")) && !(await works("docker-compose", "version")))
    return "Docker Compose, which is not installed";
  if (!(await works("nginx", "-v"))) return "nginx, which is not installed";
  return (await works("go", "version")) ? undefined : "Go, which is not installed";
}

/** The service as a static program. */
export async function buildService(): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), "tidemill-service-"));
  try {
    const out = join(folder, "small-web");
    await run("go", ["build", "-trimpath", "-ldflags=-s -w -buildid=", "-o", out, source], {
      cwd: folder,
      env: { ...process.env, CGO_ENABLED: "0", GO111MODULE: "off" },
    });
    return await readFile(out);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The packages of the service: its program, and one that says which version it is. */
export function webPackages(program: Uint8Array, version: string, says = version): DebSpec[] {
  return [
    { name: "small-web", version: "1.0-1", entries: [{ path: "usr/bin/small-web", content: program, mode: 0o755 }] },
    { name: "small-web-data", version, entries: [{ path: "usr/share/small-web/version", content: `${says}\n` }] },
  ];
}

/** Starts the proxy; the service is for a deployment to start. */
export async function openWebSite(parent: string, service: Record<string, unknown> = {}): Promise<WebSite> {
  const project = `tidemill-test-${process.pid}-${Math.floor(Math.random() * 1e6)}`;
  const folder = await mkdtemp(join(parent, "site-"));
  const port = await freePort();
  const docker = async (...args: string[]): Promise<string> => (await run("docker", args)).stdout.trim();
  await importProxy();
  await writeFile(join(folder, "nginx.conf"), nginxConf);
  const file = {
    version: "2.4",
    services: {
      proxy: {
        image: proxyImage,
        command: ["/usr/sbin/nginx", "-c", "/nginx.conf", "-g", "daemon off;"],
        volumes: ["./nginx.conf:/nginx.conf:ro"],
        ports: [`127.0.0.1:${port}:80`],
      },
      web: {
        image: `${project}:own`,
        healthcheck: { test: ["CMD", "/usr/bin/small-web", "health"], interval: "1s", timeout: "2s", retries: 2 },
        ...service,
      },
    },
  };
  await writeFile(join(folder, "docker-compose.yml"), JSON.stringify(file));
  const args = ["-f", join(folder, "docker-compose.yml"), "-p", project];
  const compose = async (...more: string[]): Promise<void> => {
    await run("docker", ["compose", ...args, ...more]).catch(() => run("docker-compose", [...args, ...more]));
  };
  await compose("up", "-d", "--no-deps", "proxy");
  const filters = ["--filter", `label=com.docker.compose.project=${project}`];
  const all = async (...more: string[]): Promise<string[]> =>
    (await docker("ps", "--all", "--quiet", "--no-trunc", ...filters, ...more)).split("\n").filter((id) => id !== "");
  return {
    folder,
    project,
    url: `http://127.0.0.1:${port}/`,
    containers: () => all("--filter", "label=com.docker.compose.service=web"),
    compose,
    docker,
    close: async () => {
      const ids = await all();
      if (ids.length > 0) await docker("rm", "--force", ...ids);
      await docker("rmi", "--force", `${project}:own`).catch(() => "");
      await docker("network", "rm", `${project}_default`).catch(() => "");
    },
  };
}

/** An image of the nginx that is installed here, with what it is linked to and nothing else. */
async function importProxy(): Promise<void> {
  if ((await run("docker", ["image", "inspect", proxyImage]).catch(() => undefined)) !== undefined) return;
  const script = `
    libraries=$(ldd /usr/sbin/nginx | grep -o '/[^ ]*')
    mkdir -p "$0/etc" "$0/var/log/nginx" "$0/var/lib/nginx" "$0/run" "$0/tmp"
    printf 'root:x:0:0::/:/bin/false\\nnobody:x:65534:65534::/:/bin/false\\n' > "$0/etc/passwd"
    printf 'root:x:0:\\nnogroup:x:65534:\\n' > "$0/etc/group"
    for file in /usr/sbin/nginx $libraries; do mkdir -p "$0$(dirname "$file")"; cp -L "$file" "$0$file"; done
    tar -C "$0" -c . | docker import - "$1"`;
  const folder = await mkdtemp(join(tmpdir(), "tidemill-proxy-"));
  try {
    await run("sh", ["-euc", script, folder, proxyImage]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Names are asked for again each second, and one that does not answer is passed over: as a proxy in front of what comes and goes has to be. */
const nginxConf = `
user root;
worker_processes 1;
error_log /dev/null;
pid /tmp/nginx.pid;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path /tmp; proxy_temp_path /tmp; fastcgi_temp_path /tmp; uwsgi_temp_path /tmp; scgi_temp_path /tmp;
  resolver 127.0.0.11 valid=1s ipv6=off;
  keepalive_requests 10000000;
  server {
    listen 80;
    location / {
      set $service web;
      proxy_pass http://$service:8080;
      proxy_connect_timeout 500ms;
      proxy_next_upstream error timeout http_502;
      proxy_next_upstream_tries 4;
    }
  }
}
`;
