import type { Digest, Instant } from "../../lib/index.ts";

/** A version that is to be had: where, and since when. The proof that a remedy would work: it was looked up, and is not touched by what it is to cure. */
export interface Offered {
  /** Of the installed package, as its kind writes it; undefined where what is offered holds the package no more. */
  readonly version: string | undefined;
  /** The suite, repository or registry that offers it; for a rebase the new base. Where only an advisory names it, that. */
  readonly from: string;
  /** When it was first seen there, else when it says that it was made. */
  readonly since: Instant | undefined;
}

/** Who asks for a package, and for which versions of it. */
export interface Dependant {
  /** The file that says so: a manifest inside the image. */
  readonly file: string;
  /** `express@4.17.1`; the application itself where it has no name. */
  readonly name: string;
  /** The range, as it is written; empty where it is set elsewhere: in a parent, or nowhere. */
  readonly range: string;
  /** Whether the version that cures is in it; undefined where it cannot be read. */
  readonly allows: boolean | undefined;
  /** Under which circumstances it asks, where nobody can tell whether they are given: a marker of Python. What it then forbids is not certain. */
  readonly when?: string;
}

/** What would cure a finding, and where. `image` is the lowest one whose rebuild cures it: the name in the configuration, or the reference that was looked at. */
export type Remedy =
  /** Its layers go onto a newer base that holds the cure. `onto` is undefined where nobody said what it stands on, as for an image that is only looked at. */
  | { readonly kind: "rebase"; readonly image: string; readonly onto: Digest | undefined; readonly offered: Offered }
  | { readonly kind: "rebuild"; readonly image: string; readonly offered: Offered }
  | { readonly kind: "patch"; readonly image: string; readonly offered: Offered }
  /** Only a change of the source cures it: `file` is what names the version, `declared` the range that it allows where it says one. */
  | {
      readonly kind: "bump-source";
      readonly image: string;
      /** Of the versions that are called fixed the first that everyone takes, else that leaves the fewest findings of the package at its place. */
      readonly offered: Offered;
      readonly file: string | undefined;
      /** Of the dependant that pins it: the first that does not allow the version, else the first of all. */
      readonly declared: string | undefined;
      /** Whether `offered` is inside all that is declared: then a new lock file is enough. */
      readonly isCompatible: boolean | undefined;
      /** Everyone who asks for it at its place, those first who do not allow the version. */
      readonly dependants: readonly Dependant[];
      /** Why these may not be all. */
      readonly gap?: string;
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
  | {
      readonly kind: "accepted";
      readonly by: string;
      readonly reason: string;
      /** When it was said, where that is known. */
      readonly since?: Instant;
      readonly until: Instant | undefined;
    };
