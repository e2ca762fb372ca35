import { canonicalJson, digestAlgorithm, digestHex, type Digest } from "../../lib/index.ts";

/** What a statement is about: a name, and a digest that alone counts. */
export interface Subject {
  readonly name: string;
  readonly digest: Digest;
}

/** An in-toto statement as the bytes that are signed: the same facts give the same bytes. in-toto attestation framework, statement v1. */
export function formatStatement(subjects: readonly Subject[], predicateType: string, predicate: unknown): Buffer {
  const subject = subjects.map(({ name, digest }) => ({ name, digest: digestSet(digest) }));
  return Buffer.from(canonicalJson({ _type: "https://in-toto.io/Statement/v1", subject, predicateType, predicate }));
}

/** in-toto attestation framework, digest_set. */
export function digestSet(digest: Digest): Readonly<Record<string, string>> {
  return { [digestAlgorithm(digest)]: digestHex(digest) };
}
