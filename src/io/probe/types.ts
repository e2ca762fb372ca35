/** How one question to a running service ended. `reason` is a sentence for people; whatever the service said in it is made printable. */
export type ProbeResult =
  | { readonly kind: "passed"; readonly ms: number }
  | { readonly kind: "failed"; readonly ms: number; readonly reason: string };
