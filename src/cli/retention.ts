import { printable, shortDigest } from "../lib/index.ts";
import type { RetentionView } from "../operation/index.ts";
import { command, withConnection } from "./command.ts";
import type { Screen } from "./screen.ts";
import { renderTable } from "./table.ts";
import { plural } from "./wording.ts";

export const retention = command<RetentionView>({
  usage: "retention [image]",
  summary: "Which digests stay and why, and which the next round lets go; nothing is changed",
  examples: [
    ["tidemill retention", "what would go, of every image"],
    ["tidemill retention web", "each digest of web, and why it stays"],
  ],
  run: async (context, asked) => {
    const image = asked.optional("image");
    return withConnection(context, ({ operations }) => operations.retention(image === undefined ? {} : { image }));
  },
  print: printRetention,
});

const words = {
  named: "an environment names it",
  "way-back": "an environment may return to it",
  "in-use": "in use, or on its way",
  young: "young",
} as const;

const columns = ["IMAGE", "DIGEST", "CREATED", "WHY"].map((title) => ({ title }));

/** Of one image all its digests, of a fleet what goes. */
function printRetention({ images }: RetentionView, screen: Screen): string {
  const isOne = images.length === 1;
  const rows = images.flatMap(({ image, keep, drop }) => [
    ...(isOne ? keep : []).map(({ digest, created, why }) => [
      printable(image),
      shortDigest(digest),
      created.slice(0, 16),
      words[why],
    ]),
    ...drop.map(({ digest, created }) => [printable(image), shortDigest(digest), created.slice(0, 16), "let go"]),
  ]);
  const kept = images.reduce((sum, { keep }) => sum + keep.length, 0);
  const gone = images.reduce((sum, { drop }) => sum + drop.length, 0);
  const total = `${plural(kept, "digest")} stay, ${gone} ${gone === 1 ? "is" : "are"} let go`;
  return rows.length === 0 ? total : `${renderTable(columns, rows, screen)}\n\n${total}`;
}
