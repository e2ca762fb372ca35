#!/usr/bin/env node
// Runs what was compiled (dist/), else the sources, on the Node that this package pins where the one that runs is too old.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import * as nodeModule from "node:module";
import { fileURLToPath } from "node:url";

const compiled = new URL("../dist/main.js", import.meta.url);
const main = existsSync(compiled) ? compiled : new URL("../src/main.ts", import.meta.url);

if (Number(process.versions.node.split(".")[0]) >= 24) {
  // Before the first import: what is cached then needs neither compiling nor its types taken off, half of the time to start.
  nodeModule.enableCompileCache();
  await import(main.href);
} else await runPinned(fileURLToPath(main));

/** The same command line on the pinned Node: this process ends as its child ends, and hands on the signals that ask for an end. */
async function runPinned(script) {
  const node = findPinned();
  if (node === undefined) {
    const again = ["npx", "-y", "-p", "node@24", "-p", "tidemill", "tidemill", ...process.argv.slice(2)].join(" ");
    process.stderr.write(
      `tidemill: it needs Node 24 or newer, and this is ${process.version}. This works here:\n  ${again}\n`,
    );
    process.exitCode = 1;
    return;
  }
  const child = spawn(node, [script, ...process.argv.slice(2)], { stdio: "inherit" });
  // Ctrl-C reaches the child from the terminal itself; this process only has to outlive it.
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  process.exitCode = await new Promise((resolve) => {
    child.on("error", (error) => {
      process.stderr.write(`tidemill: ${node} cannot be run: ${error.message}\n`);
      resolve(1);
    });
    child.on("exit", (code) => resolve(code ?? 1));
  });
}

/** In a checkout, whose tools bring it along; a package that was installed has none. */
function findPinned() {
  try {
    return nodeModule.createRequire(import.meta.url).resolve("node/bin/node");
  } catch {
    return undefined;
  }
}
