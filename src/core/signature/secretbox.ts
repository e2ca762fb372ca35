/** Bytes of a key, of a nonce, and of the tag that goes before the ciphertext. NaCl, crypto_secretbox. */
const keyBytes = 32;
const nonceBytes = 24;
const tagBytes = 16;
const blockBytes = 64;

/** Encrypts and authenticates with XSalsa20 and Poly1305, as NaCl's `crypto_secretbox` does: the tag, then the ciphertext. A nonce serves once for a key. Throws RangeError for a key or nonce of another length. */
export function sealBox(plain: Uint8Array, nonce: Uint8Array, key: Uint8Array): Buffer {
  const { stream, authenticator } = streamOf(nonce, key, plain.length);
  const sealed = xor(plain, stream);
  return Buffer.concat([poly1305(sealed, authenticator), sealed]);
}

/** What `sealBox` was given; undefined where key, nonce or bytes are others. */
export function openBox(box: Uint8Array, nonce: Uint8Array, key: Uint8Array): Buffer | undefined {
  if (box.length < tagBytes) return undefined;
  const sealed = box.subarray(tagBytes);
  const { stream, authenticator } = streamOf(nonce, key, sealed.length);
  const tag = poly1305(sealed, authenticator);
  const difference = tag.reduce((sum, byte, at) => sum | (byte ^ (box[at] ?? 0)), 0);
  return difference === 0 ? xor(sealed, stream) : undefined;
}

/** The first 32 bytes of the stream authenticate, the rest encrypts. NaCl, "Cryptography in NaCl", 9 and 10. */
function streamOf(nonce: Uint8Array, key: Uint8Array, length: number): { stream: Buffer; authenticator: Buffer } {
  if (key.length !== keyBytes || nonce.length !== nonceBytes)
    throw new RangeError(`a box takes a key of ${keyBytes} bytes and a nonce of ${nonceBytes}`);
  const inner = hsalsa20(key, nonce.subarray(0, 16));
  const blocks = Array.from({ length: Math.ceil((keyBytes + length) / blockBytes) }, (_, counter) => {
    const input = Buffer.alloc(16);
    input.set(nonce.subarray(16), 0);
    input.writeUInt32LE(counter, 8);
    const state = salsaState(inner, input);
    const mixed = mix(state);
    return words(mixed.map((word, at) => (word + (state[at] ?? 0)) >>> 0));
  });
  const all = Buffer.concat(blocks);
  return { authenticator: all.subarray(0, keyBytes), stream: all.subarray(keyBytes, keyBytes + length) };
}

/** Extending the Salsa20 nonce, 2. */
function hsalsa20(key: Uint8Array, input: Uint8Array): Buffer {
  const mixed = mix(salsaState(key, input));
  return words([0, 5, 10, 15, 6, 7, 8, 9].map((at) => mixed[at] ?? 0));
}

const sigma = Buffer.from("expand 32-byte k");

function salsaState(key: Uint8Array, input: Uint8Array): number[] {
  const [k, i] = [Buffer.from(key), Buffer.from(input)];
  const at = (bytes: Buffer, index: number): number => bytes.readUInt32LE(4 * index);
  const upper = [at(sigma, 0), at(k, 0), at(k, 1), at(k, 2), at(k, 3)];
  const middle = [at(sigma, 1), at(i, 0), at(i, 1), at(i, 2), at(i, 3)];
  return [...upper, ...middle, at(sigma, 2), at(k, 4), at(k, 5), at(k, 6), at(k, 7), at(sigma, 3)];
}

/** Columns, then rows: target, its two terms, and how far their sum is turned. Salsa20 specification, 3 to 5. */
const quarters: readonly (readonly [number, number, number, number])[] = [
  [0, 4, 8, 12],
  [5, 9, 13, 1],
  [10, 14, 2, 6],
  [15, 3, 7, 11],
  [0, 1, 2, 3],
  [5, 6, 7, 4],
  [10, 11, 8, 9],
  [15, 12, 13, 14],
];

/** Twenty rounds, without the addition at their end. */
function mix(state: readonly number[]): number[] {
  const x = Uint32Array.from(state);
  const turn = (target: number, one: number, other: number, bits: number): void => {
    const sum = ((x[one] ?? 0) + (x[other] ?? 0)) >>> 0;
    x[target] = (x[target] ?? 0) ^ ((sum << bits) | (sum >>> (32 - bits)));
  };
  for (let round = 0; round < 10; round += 1)
    for (const [a, b, c, d] of quarters) {
      turn(b, a, d, 7);
      turn(c, b, a, 9);
      turn(d, c, b, 13);
      turn(a, d, c, 18);
    }
  return [...x];
}

function words(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, at) => bytes.writeUInt32LE(value, 4 * at));
  return bytes;
}

function xor(bytes: Uint8Array, stream: Uint8Array): Buffer {
  return Buffer.from(bytes.map((byte, at) => byte ^ (stream[at] ?? 0)));
}

const prime = (1n << 130n) - 5n;
const clamp = 0x0ffffffc0ffffffc0ffffffc0fffffffn;

/** RFC 8439, 2.5: the same function, with a key from elsewhere. */
function poly1305(message: Uint8Array, key: Buffer): Buffer {
  const r = little(key.subarray(0, 16)) & clamp;
  let sum = 0n;
  for (let at = 0; at < message.length; at += 16) {
    const part = message.subarray(at, at + 16);
    sum = ((sum + little(part) + (1n << BigInt(8 * part.length))) * r) % prime;
  }
  const tag = (sum + little(key.subarray(16, 32))) & ((1n << 128n) - 1n);
  return Buffer.from(tag.toString(16).padStart(32, "0"), "hex").reverse();
}

function little(bytes: Uint8Array): bigint {
  const hex = Buffer.from(bytes).reverse().toString("hex");
  return hex === "" ? 0n : BigInt(`0x${hex}`);
}
