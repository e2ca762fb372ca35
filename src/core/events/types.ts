import type { Instant } from "../../lib/index.ts";

/** What is worth a look. Nothing that a delivery says is believed: the look finds out. */
export type Subject =
  /** An image of somebody else's; without a tag, all that is followed of its repository. */
  | { readonly kind: "image"; readonly reference: string }
  /** A repository that images may be built from, as `host/path`; without a ref, all that is followed of it. */
  | { readonly kind: "source"; readonly repository: string; readonly ref?: string }
  /** What feeds say of vulnerabilities. */
  | { readonly kind: "advisories" }
  /** What distributions offer. */
  | { readonly kind: "packages" };

/** A request to an endpoint, as it came. */
export interface Delivery {
  /** A header by its name in lower case. */
  readonly header: (name: string) => string | undefined;
  /** What stands behind the `?`. */
  readonly query: URLSearchParams;
  /** The bytes that a signature is of. */
  readonly body: Uint8Array;
}

/** Whether who sent it knows the secret. `stale`: signed with it, but so long ago that it may be a copy. */
export type Proof = "proven" | "unproven" | "stale";

/** What a body is about. */
export type Told =
  | { readonly kind: "told"; readonly subjects: readonly Subject[] }
  /** A form that is known, about nothing that we look at: a ping, a closed issue. */
  | { readonly kind: "other"; readonly what: string }
  | { readonly kind: "unknown"; readonly reason: string };

/** Where events of one sender come in. */
export interface Endpoint {
  readonly from: string;
  /** The one in use, and those that it replaces or that will replace it. */
  readonly secret: readonly string[];
  readonly signature?: HeaderSignature | undefined;
  readonly id?: string | undefined;
  readonly looks?: GenericLooks | undefined;
}

/** A header that holds the HMAC of the body. */
export interface HeaderSignature {
  readonly header: string;
  readonly algorithm: "sha256" | "sha512";
  readonly encoding: "hex" | "base64";
  /** What stands before it: `sha256=`. */
  readonly prefix: string;
}

/** Where in a body of any form what matters stands, as JSONPath (RFC 9535). */
export interface GenericLooks {
  readonly image?: string | undefined;
  readonly repository?: string | undefined;
  readonly ref?: string | undefined;
  /** Looked at whenever something comes. */
  readonly advisories?: boolean | undefined;
  readonly packages?: boolean | undefined;
}

/** Who sends events: one file each. */
export interface Provider {
  prove(delivery: Delivery, endpoint: Endpoint, now: Instant): Proof;
  read(delivery: Delivery, endpoint: Endpoint): Told;
  /**
   * What only the same delivery has again: a copy is known by it. It must be covered by the proof, as the body is; undefined where two
   * deliveries may be equal.
   */
  key(delivery: Delivery, endpoint: Endpoint): string | undefined;
}
