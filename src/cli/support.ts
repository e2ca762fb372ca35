import { stat } from "node:fs/promises";
import { tarFile, tarTrailer } from "../core/layer/index.ts";
import { formatBytes, printable, writeFileDurable } from "../lib/index.ts";
import { absolutePath } from "./absolute-path.ts";
import { command, withConnection } from "./command.ts";
import { UsageError } from "./usage-error.ts";
import { plural } from "./wording.ts";

interface Output {
  readonly path: string;
  readonly bytes: number;
  readonly files: readonly string[];
}

export const support = command<Output>({
  usage: "support [file]",
  summary:
    "A bundle for whoever helps: what stands, what was done, what the doctor says, the configuration without its secrets",
  examples: [["tidemill support", "tidemill-support.tar: look into it before you give it away"]],
  run: async (context, asked) => {
    const path = absolutePath(asked.optional("file") ?? "tidemill-support.tar");
    const there = await stat(path).catch(() => undefined);
    if (there !== undefined && !there.isFile())
      throw new UsageError("BAD_USAGE", `${path} is there and is not a file`, { hint: "Name another one." });
    const { files } = await withConnection(context, ({ operations }) => operations.support({}));
    const shape = { kind: "file" as const, mode: 0o600, uid: 0, gid: 0, mtime: 0 };
    const parts = files.map(({ name, text }) => tarFile({ ...shape, path: `tidemill-support/${name}` }, text));
    const bytes = Buffer.concat([...parts, tarTrailer]);
    await writeFileDurable(path, bytes, 0o600);
    return { path, bytes: bytes.length, files: files.map(({ name }) => name) };
  },
  print: ({ path, bytes, files }) =>
    `${printable(path)}: ${plural(files.length, "file")}, ${formatBytes(bytes)}.\nSecrets that the configuration and the environment name are masked. Look into it all the same before you give it away: tar -xOf ${printable(path)} | less`,
});
