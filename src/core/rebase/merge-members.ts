import { mergeRows } from "./merge-rows.ts";

const block = 512;
const maxMembers = 20_000;

/** A member's header and content, in whole blocks, by its name; undefined where the bytes are no plain ustar archive of files. */
function membersOf(bytes: Buffer): Map<string, Buffer> | undefined {
  const members = new Map<string, Buffer>();
  for (let at = 0; at + block <= bytes.length;) {
    if (bytes[at] === 0) return bytes.subarray(at).every((byte) => byte === 0) ? members : undefined;
    const name = bytes.toString("latin1", at, at + 100).replace(/\0.*$/s, "");
    const digits = bytes.toString("latin1", at + 124, at + 136).replace(/[\0 ].*$/s, "");
    const flag = bytes[at + 156];
    const isFile = flag === 0x30 || flag === 0;
    if (!isFile || !/^[0-7]{1,11}$/.test(digits) || members.has(name) || members.size >= maxMembers) return undefined;
    const end = at + block + Math.ceil(Number.parseInt(digits, 8) / block) * block;
    if (end > bytes.length) return undefined;
    members.set(name, bytes.subarray(at, end));
    at = end;
  }
  return bytes.length % block === 0 ? members : undefined;
}

/** apk's archive of install scripts with the members of both sides; undefined where one is no such archive, or both changed a member. Members are named by package and version. */
export function mergeMembers(old: Buffer, base: Buffer, application: Buffer): Buffer | undefined {
  const [was, now, own] = [membersOf(old), membersOf(base), membersOf(application)];
  if (was === undefined || now === undefined || own === undefined) return undefined;
  const { rows, conflicts } = mergeRows(was, now, own, (a, b) => a.equals(b));
  return conflicts.length > 0 ? undefined : Buffer.concat([...rows.values(), Buffer.alloc(2 * block)]);
}
