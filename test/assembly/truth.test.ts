import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { findDebianMirror } from "../apt/debian-mirror.ts";
import { needs } from "../needs.ts";
import { bootstrap, compareWith, missingBootstrap } from "./bootstrap.ts";

const mirror = findDebianMirror();
const missing = (await missingBootstrap()) ?? (mirror === undefined ? "no Debian mirror" : undefined);
const packages = [
  "ca-certificates",
  "netbase",
  "tzdata",
  "nginx",
  "python3",
  "openssh-server",
  "less",
  "nano",
  "vim-tiny",
  "libpam-runtime",
];

/** What a system that its scripts have configured has and an assembled image has not. docs/assembly.md says why, in this order. */
const differences: readonly (readonly [what: string, paths: RegExp])[] = [
  ["set up by whoever installs", /^etc\/(?:apt\/sources\.list|hostname|resolv\.conf|fstab)/],
  ["logs of the installation", /^var\/log\/(?:apt|alternatives\.log|bootstrap\.log|dpkg\.log)/],
  [
    "copies and locks of tools",
    /^(?:etc\/(?:(?:passwd|group|g?shadow|subuid|subgid)-|\.pwd\.lock)|var\/(?:cache\/(?:ldconfig|debconf|man)\/|lib\/dpkg\/diversions-old))/,
  ],
  ["secrets and names of one machine", /^etc\/(?:ssh\/ssh_host_|machine-id)|^var\/lib\/(?:dbus|systemd\/random-seed)/],
  [
    "starting of services",
    /^etc\/(?:rc[0-6S]\.d|runit|systemd\/(?:system|user)|sv)\/|^var\/lib\/systemd\/deb-systemd-/,
  ],
  [
    "tmpfiles.d and the catalogue of a system with systemd",
    /^(?:etc\/(?:mtab|vconsole\.conf|default\/locale|credstore)|root\/\.ssh|var\/(?:cache\/private|lib\/private|log\/(?:private|journal|README)|lib\/systemd))/,
  ],
  ["comments alone", /^etc\/hosts\.(?:allow|deny): /],
  ["mode of ssh-agent", /^usr\/bin\/ssh-agent: 2755/],
  ["ucf's notes of sshd_config", /^var\/lib\/ucf\//],
  ["python's notes", /^var\/lib\/python/],
  ["diversions of the move to /usr", /^var\/lib\/dpkg\/diversions: only there/],
];

describe.each(["bookworm", "trixie"])("what is generated for packages of %s", (suite) => {
  needs(missing)(
    "is what their maintainer scripts make, but for a closed list",
    async () => {
      const folder = await mkdtemp(join(tmpdir(), "tidemill-truth-"));
      const system = { root: join(folder, "root"), debs: join(folder, "debs") };
      try {
        await mkdir(system.debs);
        await bootstrap(suite, packages, mirror?.archive ?? "", system);
        const lines = await compareWith(system);
        expect(lines.filter((line) => !differences.some(([, paths]) => paths.test(line)))).toEqual([]);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
    300_000,
  );
});
