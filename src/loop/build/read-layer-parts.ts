import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { BuildError } from "../../core/layer/index.ts";
import { readMember, type Member } from "./member.ts";

/** A member of a layer, and how to have it again where its file is damaged or gone. */
export interface LayerPart {
  readonly member: Member;
  readonly restore?: () => Promise<Member>;
}

export interface PartReader {
  /** The packed bytes of a layer. What is read from the cache for the first time is checked by its digest, and made again where it is not the same. */
  read(parts: readonly LayerPart[]): AsyncGenerator<Buffer>;
}

const heldChecks = 100_000;

/** A reader that remembers what it has checked, for as long as a file stays as it is. */
export function createPartReader(): PartReader {
  const checked = new Map<string, string>();

  async function isWhole(member: Member): Promise<boolean> {
    if (member.place.kind === "memory") return true;
    const { path, at } = member.place;
    const info = await stat(path).catch(() => undefined);
    if (info === undefined) return false;
    const place = `${path}@${at}`;
    const state = `${info.ino} ${info.mtimeMs} ${info.size} ${member.key}`;
    if (checked.get(place) === state) return true;
    if (!(await hasKey(member))) return false;
    checked.set(place, state);
    for (const oldest of checked.keys()) {
      if (checked.size <= heldChecks) break;
      checked.delete(oldest);
    }
    return true;
  }

  async function wholeMember({ member, restore }: LayerPart): Promise<Member> {
    if (await isWhole(member)) return member;
    const again = await restore?.();
    if (again === undefined || again.key !== member.key || !(await isWhole(again)))
      throw new BuildError("BAD_PACKAGE", "a cached package is damaged, and converting it again yields other bytes", {
        hint: "Empty the cache folder, and look for a failing disk.",
        retry: true,
      });
    return again;
  }

  return {
    read: async function* read(parts) {
      for (const part of parts) yield* readMember(await wholeMember(part));
    },
  };
}

async function hasKey(member: Member): Promise<boolean> {
  const hash = createHash("sha256");
  try {
    for await (const piece of readMember(member)) hash.update(piece);
  } catch {
    return false;
  }
  return hash.digest("hex") === member.key;
}
