import { printable } from "../lib/index.ts";
import type { InitView } from "../operation/index.ts";
import { absolutePath } from "./absolute-path.ts";
import { command } from "./command.ts";
import { plural } from "./wording.ts";

export const init = command<InitView>({
  usage: "init [folder]",
  summary: "Write a commented tidemill.yaml for the Dockerfiles, compose files, manifests and pipelines that are found",
  options: [{ flags: "--print", description: "on standard output, and write nothing" }],
  examples: [
    ["tidemill init", "./tidemill.yaml; one that is there is never changed"],
    ["tidemill init services --print", "only look"],
  ],
  run: async (context, asked) => {
    const app = await context.load();
    return app.initProject({ folder: absolutePath(asked.optional("folder") ?? "."), write: !asked.flag("print") });
  },
  print: ({ path, text, written, images, others, problems }, screen) => {
    if (!written) return text.trimEnd();
    const nothing = images.length === 0 && others.length === 0;
    return [
      screen.green(
        `Wrote ${printable(path)}: ${plural(images.length, "image")} built here, ${plural(others.length, "image")} of others.`,
      ),
      ...problems.map((problem) => `  ${screen.yellow("left out")} ${printable(problem)}`),
      nothing
        ? "Nothing that builds or runs an image was found: name one below `images:`."
        : "Next: look it over, `tidemill plan`, then `tidemill up`.",
    ].join("\n");
  },
});
