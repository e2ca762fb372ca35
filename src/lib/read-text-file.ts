import { open } from "node:fs/promises";
import { constants } from "node:fs";

/** The text of a file of at most `limit` bytes. Throws what opening it throws, and where it is larger, or no plain file. */
export async function readTextFile(path: string, limit: number): Promise<string> {
  // A pipe is not waited for.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const found = await file.stat();
    if (!found.isFile()) throw new Error(`${path} is no file`);
    const buffer = Buffer.alloc(Math.min(limit, found.size) + 1);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
    if (bytesRead > limit) throw new Error(`${path} has more than ${limit} bytes`);
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await file.close();
  }
}
