import { chmod, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Digest } from "../../src/lib/index.ts";

/** A running system of a test: it keeps in files what it runs of each image, and is worked at by a program as a person would write one. */
export interface SmallSystem {
  /** `command:` of a deployment. */
  readonly command: Readonly<Record<string, readonly string[]>>;
  /** What it runs of an image; undefined where nothing does. */
  readonly runs: (image: string) => Promise<string | undefined>;
  /** Somebody else makes it run something. */
  readonly make: (image: string, digest: string) => Promise<void>;
  /** How its program ends from now on: by `apply` with a status of these for the digests, by anything where it is broken. */
  readonly behave: (how: {
    readonly refuses?: readonly Digest[];
    /** What it takes ten minutes for; from now on nothing where none is named. */
    readonly slow?: Digest;
    readonly status?: number;
    readonly broken?: boolean;
  }) => Promise<void>;
  /** Whether it is at what takes ten minutes. */
  readonly isSlow: () => Promise<boolean>;
  /** Whether what takes ten minutes was ended. */
  readonly isEnded: () => Promise<boolean>;
  /** Ends what takes ten minutes, where whoever began it was killed. */
  readonly end: () => Promise<void>;
  /** What its program was asked, in order: `apply`, `undo`, with image and digest. */
  readonly calls: () => Promise<
    {
      readonly action: string;
      readonly image: string;
      readonly digest: string;
      readonly id: string;
      readonly fence: number;
    }[]
  >;
}

const program = `#!/bin/sh
cd "$(dirname "$0")" || exit 1
if [ -e broken ]; then echo "the system is away"; exit 69; fi
if [ "$TIDEMILL_ACTION" = observe ]; then
  if [ -e "runs/$TIDEMILL_IMAGE" ]; then printf '{"digest":"%s"}' "$(cat "runs/$TIDEMILL_IMAGE")"; else printf '{"digest":null}'; fi
  exit 0
fi
if [ "$TIDEMILL_ACTION" = apply ] && grep -qs "$TIDEMILL_DIGEST" slow; then echo $$ > slow-pid; exec sleep 600; fi
echo "$TIDEMILL_ACTION $TIDEMILL_IMAGE $TIDEMILL_DIGEST $TIDEMILL_ID $TIDEMILL_FENCE" >> calls
if [ "$TIDEMILL_ACTION" = apply ] && grep -qs "$TIDEMILL_DIGEST" refuses; then
  echo "$TIDEMILL_DIGEST" > "runs/$TIDEMILL_IMAGE"
  echo "it does not start"
  exit "$(cat status)"
fi
echo "$TIDEMILL_DIGEST" > "runs/$TIDEMILL_IMAGE"
`;

/** Makes one in a folder of its own. */
export async function createSmallSystem(parent: string, name = "system"): Promise<SmallSystem> {
  const folder = join(parent, name);
  await mkdir(join(folder, "runs"), { recursive: true });
  const path = join(folder, "deploy");
  await writeFile(path, program);
  await chmod(path, 0o755);
  await writeFile(join(folder, "status"), "1");
  const read = (file: string) => readFile(join(folder, file), "utf8").catch(() => "");
  return {
    command: { run: [path], observe: [path] },
    runs: async (image) => {
      const text = (await read(`runs/${image}`)).trim();
      return text === "" ? undefined : text;
    },
    make: (image, digest) => writeFile(join(folder, "runs", image), `${digest}\n`),
    behave: async ({ refuses = [], slow, status = 1, broken = false }) => {
      await writeFile(join(folder, "slow"), slow ?? "");
      await writeFile(join(folder, "refuses"), refuses.join("\n"));
      await writeFile(join(folder, "status"), `${status}`);
      await (broken ? writeFile(join(folder, "broken"), "") : rm(join(folder, "broken"), { force: true }));
    },
    isSlow: async () => (await read("slow-pid")) !== "",
    isEnded: async () => {
      try {
        return !process.kill(Number(await read("slow-pid")), 0);
      } catch {
        return true;
      }
    },
    end: async () => {
      const pid = Number((await read("slow-pid")).trim());
      try {
        if (pid > 0) process.kill(pid, "SIGKILL");
      } catch {
        // It has ended with its server.
      }
    },
    calls: async () =>
      (await read("calls"))
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => {
          const [action = "", image = "", digest = "", id = "", fence = ""] = line.split(" ");
          return { action, image, digest, id, fence: Number(fence) };
        }),
  };
}
