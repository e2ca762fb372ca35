/** How much of a layer is read before it is refused. Sizes in bytes. */
export interface LayerLimits {
  readonly compressed: number;
  readonly unpacked: number;
  /** Unpacked bytes for each compressed one, beyond the first 64 MiB. */
  readonly ratio: number;
  readonly entries: number;
  /** Bytes of one path. */
  readonly pathLength: number;
  /** Bytes of all paths and link targets together. */
  readonly names: number;
  /** Bytes of one kept file, and of all kept files together. */
  readonly keptFile: number;
  readonly kept: number;
  /** Bytes of what all files together tell of packages. */
  readonly held: number;
}

const mebibyte = 1_048_576;

export const defaultLayerLimits: LayerLimits = {
  compressed: 4096 * mebibyte,
  unpacked: 16_384 * mebibyte,
  ratio: 100,
  entries: 1_000_000,
  pathLength: 4096,
  names: 64 * mebibyte,
  keptFile: 16 * mebibyte,
  kept: 48 * mebibyte,
  held: 128 * mebibyte,
};
