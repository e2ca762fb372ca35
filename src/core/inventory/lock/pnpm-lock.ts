import type { LockParser } from "./lock-parser.ts";

/** `pnpm-lock.yaml`: the keys of its `packages`, as its versions 5 (`/a/1.0.0_peer`), 6 (`/a@1.0.0(peer)`) and 9 (`a@1.0.0`) write them. */
export const parsePnpmLock: LockParser = (text, found, say) => {
  if (!/^lockfileVersion:/m.test(text.slice(0, 4096))) return say("it is no lock file of pnpm");
  let isInside = false;
  for (const raw of text.split("\n")) {
    const line = raw.trimEnd();
    if (/^\S/.test(line)) isInside = line === "packages:";
    const key = isInside ? /^ {2}(['"]?)(\S.*)\1:$/.exec(line)?.[2] : undefined;
    if (key === undefined) continue;
    const plain = (key.split("(")[0] ?? "").replace(/^\//, "");
    const parts = /^(@[^/@]+\/[^/@]+|[^/@]+)[/@]([^/_]+)(?:_.*)?$/.exec(plain);
    if (parts?.[1] !== undefined && parts[2] !== undefined && /^\d/.test(parts[2])) found(parts[1], parts[2]);
    else say(`${key.slice(0, 200)} comes from no registry`);
  }
};
