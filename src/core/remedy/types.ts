import type { Digest, Instant } from "../../lib/index.ts";

/** A version that is to be had: where, and since when. The proof that a remedy would work. */
export interface Offered {
  /** Of the installed package, as its kind writes it. */
  readonly version: string;
  /** The suite, repository or registry that offers it; for a rebase the new base. */
  readonly from: string;
  readonly since: Instant | undefined;
}

/** What would cure a finding, and where. `image` is the lowest one whose rebuild cures it: the name in the configuration, or the reference that was looked at. */
export type Remedy =
  | { readonly kind: "rebase"; readonly image: string; readonly onto: Digest; readonly offered: Offered }
  | { readonly kind: "rebuild"; readonly image: string; readonly offered: Offered }
  | { readonly kind: "patch"; readonly image: string; readonly offered: Offered }
  /** Only a change of the source cures it: `file` is what names the version, `declared` the range that it allows where it says one. */
  | {
      readonly kind: "bump-source";
      readonly image: string;
      readonly offered: Offered;
      readonly file: string | undefined;
      readonly declared: string | undefined;
      /** Whether `offered` is inside what is declared: then a new lock file is enough. */
      readonly isCompatible: boolean | undefined;
    }
  /** Nothing that cures it is to be had. */
  | { readonly kind: "wait-upstream"; readonly since: Instant | undefined; readonly reason: string }
  /** The base gets no more fixes: end of life. */
  | {
      readonly kind: "replace-base";
      readonly image: string;
      readonly successor: string | undefined;
      readonly reason: string;
    }
  | { readonly kind: "accepted"; readonly by: string; readonly reason: string; readonly until: Instant | undefined };
