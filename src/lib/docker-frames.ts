/** What a container without a terminal said, from the daemon's form of it: each piece has eight bytes before it, which stream it is of and how long it is. Docker Engine API, "Attach to a container". */
export function readDockerFrames(bytes: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0; at + 8 <= bytes.length;) {
    if (bytes.readUInt8(at) > 2) return [bytes];
    const end = at + 8 + bytes.readUInt32BE(at + 4);
    frames.push(bytes.subarray(at + 8, end));
    at = end;
  }
  return frames;
}
