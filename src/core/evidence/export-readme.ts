import type { Digest } from "../../lib/index.ts";

/** What the README of an export names. */
export interface ExportFacts {
  readonly image: string;
  readonly digest: Digest;
  /** Path of the manifest or index whose hash the digest is. */
  readonly manifest: string;
  /** Path of the public key that signed SHA256SUMS. */
  readonly key: string;
  readonly keyKind: "ecdsa" | "ed25519";
  /** For people: its kind and fingerprint. */
  readonly keyName: string;
  readonly version: string;
}

/**
 * How what an export holds is verified without a network, in blocks that a shell can run: with openssl and sha256sum alone, and with cosign. `KEY` is the reader's own copy of the public key; what the export brings
 * is only good for a look.
 */
export function formatReadme(facts: ExportFacts): string {
  const { image, digest, manifest, key, keyKind, keyName, version } = facts;
  const hex = digest.slice(digest.indexOf(":") + 1);
  const summed =
    keyKind === "ed25519"
      ? 'openssl pkeyutl -verify -pubin -inkey "$KEY" -rawin -in SHA256SUMS -sigfile SHA256SUMS.sig'
      : 'openssl dgst -sha256 -verify "$KEY" -signature SHA256SUMS.sig SHA256SUMS';
  return `# Evidence of ${image}@${digest}

Written by Tidemill ${version}. Nothing here has to be believed: everything is signed, and this page says how to find that out, without a network, with tools that you have.

| what               |                                                                                                     |
| ------------------ | --------------------------------------------------------------------------------------------------- |
| \`image/\`           | the manifests: the hash of \`${manifest}\` is the digest |
| \`documents/\`       | SBOMs, provenance, checks, scan and VEX as documents, the same as in the statements                 |
| \`statements/\`      | what was signed: in-toto statements; \`signatures/\` over them, \`bundles/\` the same for cosign        |
| \`keys/\`            | the public keys that signed                                                                         |
| \`statements.tsv\`   | of each statement its name, what it is about, the key that signed it, cosign's type                 |
| \`audit/\`           | the rows of the audit chain that are about this digest, and the chain's last row, whose hash \`statements/audit-checkpoint.json\` signs |
| \`logs/\`, \`why.json\` | what its builds said, and the chain of causes                                                     |

Get the public key from where you know it to be theirs, and name it. Its kind and fingerprint should be: ${keyName}. Run the blocks in this folder, in order; each ends with a failure where something is not as it was signed.

## With openssl and sha256sum

The list of all files is signed by the key, every file is in it, and none is changed:

\`\`\`sh
KEY="\${KEY:-${key}}"
${summed}
sha256sum --quiet -c SHA256SUMS
[ "$(find . -type f ! -name SHA256SUMS ! -name SHA256SUMS.sig | wc -l)" -eq "$(wc -l < SHA256SUMS)" ]
\`\`\`

The manifest is that of the digest:

\`\`\`sh
echo "${hex}  ${manifest}" | sha256sum --quiet -c -
\`\`\`

Each statement is signed, and is about the manifest that it is said to be about:

\`\`\`sh
while IFS="$(printf '\\t')" read -r name about key type; do
  { printf 'DSSEv1 28 application/vnd.in-toto+json %d ' "$(wc -c < "statements/$name.json")"; cat "statements/$name.json"; } > .signed
  if openssl pkey -pubin -in "$key" -noout -text | grep -qi ed25519
  then openssl pkeyutl -verify -pubin -inkey "$key" -rawin -in .signed -sigfile "signatures/$name.sig" > /dev/null
  else openssl dgst -sha256 -verify "$key" -signature "signatures/$name.sig" .signed > /dev/null
  fi || { rm -f .signed; echo "$name is not as it was signed"; exit 1; }
  rm -f .signed
  grep -qF "\\"sha256\\":\\"$(sha256sum < "$about" | cut -d ' ' -f 1)\\"" "statements/$name.json" || { echo "$name is about something else"; exit 1; }
done < statements.tsv
\`\`\`

## With cosign

\`\`\`sh
while IFS="$(printf '\\t')" read -r name about key type; do
  cosign verify-blob-attestation --key "$key" --bundle "bundles/$name.sigstore.json" --new-bundle-format \\
    --trusted-root root.json --insecure-ignore-tlog=true --type "$type" "$about" || exit 1
done < statements.tsv
\`\`\`

Nothing was entered into a public log, so cosign is told not to look for it; \`root.json\` is an empty trusted root, which it wants beside a key.

## The documents

A statement's \`predicate\` is the document of the same name. Each row in \`audit/extract.jsonl\` has a hash over itself without the hash, in JSON with sorted keys: \`jq -cjS 'del(.hash)'\`. \`audit/last-row.json\` is the chain's last row in that form: what it is of is signed like the statements, so whoever holds the whole chain cannot rewrite it up to there. The whole chain is with whoever runs Tidemill: \`tidemill audit verify\`.
`;
}
