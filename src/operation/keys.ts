/** What a person does with signing keys: on the files of the machine where it is asked, never of a server. */
export type KeysRequest =
  | { readonly action: "make" | "rotate"; readonly name: string; readonly kind: "ecdsa-p256" | "ed25519" }
  | { readonly action: "list"; readonly name: string }
  | { readonly action: "revoke"; readonly name: string; readonly fingerprint: string };

/** A public key, and whether what it signed counts. */
export interface KeyView {
  readonly path: string;
  readonly kind: string;
  readonly fingerprint: string;
  /** Current: it signs. Retired: what it signed counts. Revoked: nothing of it counts. */
  readonly state: "current" | "retired" | "revoked";
}

/** The keys of a name as they are now: what was made or revoked is among them. */
export interface KeysView {
  readonly name: string;
  readonly keys: readonly KeyView[];
}
