import { printable } from "../lib/index.ts";
import type { Gate } from "../operation/index.ts";
import { command, withConnection } from "./command.ts";
import { printRefusal } from "./decision.ts";
import { parseImageReference } from "./image-reference.ts";
import { UsageError } from "./usage-error.ts";
import { showDigest } from "./wording.ts";

export const gate = command<Gate>({
  usage: "gate [image[@digest]]",
  summary: "Whether a digest may run in an environment: for a pipeline, before it deploys",
  options: [
    { flags: "--image <image[@digest]>", description: "the image, where it is not the first word" },
    { flags: "-e, --environment <name>", description: "where it is to run" },
  ],
  examples: [
    ["tidemill gate web -e production", "what production names: prints what to deploy"],
    ["tidemill gate web@3f2a9c01b2de -e staging", "one digest; status 3 with the reasons where it may not"],
  ],
  run: async (context, asked) => {
    const named = asked.optional("image[@digest]") ?? asked.text("image");
    const environment = asked.text("environment");
    if (named === undefined || environment === undefined)
      throw new UsageError("BAD_USAGE", "gate needs an image and an environment", {
        hint: "As `tidemill gate web -e production`.",
      });
    return withConnection(context, ({ operations }) => operations.gate({ ...parseImageReference(named), environment }));
  },
  print: (output, screen) => {
    const { image, environment, digest, reference, named, verdict, reasons } = output;
    if (verdict === "refused") return printRefusal(reasons, screen);
    const how = named ? "is what it names" : "may be promoted there";
    const place = `${printable(image)} ${showDigest(digest)} in ${printable(environment)}`;
    return `${screen.green(`${place}: passed, it ${how}`)}\n${printable(reference ?? "")}`;
  },
  outcome: ({ verdict }) => (verdict === "refused" ? "refused" : "ok"),
});
