import { Transform } from "node:stream";
import { BuildError } from "./build-error.ts";

/** What is looked for: the bytes of a secret, and its id for the message. */
export interface Needle {
  readonly id: string;
  readonly bytes: Buffer;
}

/** A shorter secret is in any large file by chance. */
const shortest = 8;

/** The secrets that are long enough to be looked for, without line breaks at their end. */
export function needlesOf(secrets: readonly { readonly id: string; readonly value: string }[]): Needle[] {
  return secrets
    .map(({ id, value }) => ({ id, bytes: Buffer.from(value.replace(/[\r\n]+$/, "")) }))
    .filter(({ bytes }) => bytes.length >= shortest);
}

/** Passes bytes through and fails with SECRET_LEAKED once one of `needles` has come, also in two pieces; `where` names the place. */
export function refuseSecrets(needles: readonly Needle[], where: string): Transform {
  const overlap = Math.max(0, ...needles.map(({ bytes }) => bytes.length - 1));
  let rest = Buffer.alloc(0);
  return new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      const seen = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      const found = needles.find(({ bytes }) => seen.includes(bytes));
      rest = Buffer.from(seen.subarray(Math.max(0, seen.length - overlap)));
      if (found === undefined) done(null, chunk);
      else
        done(
          new BuildError("SECRET_LEAKED", `the secret ${found.id} is in ${where}: the image is thrown away`, {
            hint: "A step copies it into a file. Read it where it is mounted, and write nothing of it. Take it for known and change it.",
          }),
        );
    },
  });
}
