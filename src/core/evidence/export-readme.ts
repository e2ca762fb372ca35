import type { Digest } from "../../lib/index.ts";
import type { TextRule } from "../access/index.ts";

/** What the README of an export names. */
export interface ExportFacts {
  readonly image: string;
  readonly digest: Digest;
  /** Path of the manifest or index whose hash the digest is. */
  readonly manifest: string;
  /** Who signed the list of all files. */
  readonly signer: ExportSigner;
  readonly version: string;
}

/** Who signed an export, with where it has what verifies that. */
export type ExportSigner =
  | {
      readonly kind: "key";
      /** Path of the public key. */
      readonly path: string;
      readonly keyKind: "ecdsa" | "ed25519";
      /** For people: its name and fingerprint. */
      readonly name: string;
    }
  | {
      readonly kind: "identity";
      /** Path of the folder with its trusted root. */
      readonly path: string;
      readonly subject: TextRule;
      readonly issuer: TextRule;
      /** Whether the trusted root names logs of certificates: only then can a promise of one be asked for. */
      readonly hasCertificateLogs: boolean;
    };

/**
 * How what an export holds is verified without a network, in blocks that a shell can run: with openssl and sha256sum (and jq, where an identity signed), and with cosign. Key, trusted root and identity are the reader's own: what the
 * export brings of them is only good for a look.
 */
export function formatReadme(facts: ExportFacts): string {
  const { image, digest, manifest, signer, version } = facts;
  const hex = digest.slice(digest.indexOf(":") + 1);
  const blocks = signer.kind === "key" ? keyBlocks(signer) : identityBlocks(signer);
  return `# Evidence of ${image}@${digest}

Written by Tidemill ${version}. Nothing here has to be believed: everything is signed, and this page says how to find that out, without a network, with tools that you have.

| what               |                                                                                                     |
| ------------------ | --------------------------------------------------------------------------------------------------- |
| \`image/\`           | the manifests: the hash of \`${manifest}\` is the digest |
| \`documents/\`       | SBOMs, provenance, checks, scan and VEX as documents, the same as in the statements                 |
| \`statements/\`      | what was signed: in-toto statements; \`signatures/\` over them, \`bundles/\` the same for cosign        |
${blocks.rows}
| \`statements.tsv\`   | of each statement its name, what it is about, what signed it, cosign's type                         |
| \`audit/\`           | the rows of the audit chain that are about this digest, and the chain's last row, whose hash \`statements/audit-checkpoint.json\` signs |
| \`logs/\`, \`why.json\` | what its builds said, and the chain of causes                                                     |

${blocks.bring} Run the blocks in this folder, in order; each ends with a failure where something is not as it was signed.

## With openssl and sha256sum

The list of all files is signed, every file is in it, and none is changed:

\`\`\`sh
${blocks.list}
sha256sum --quiet -c SHA256SUMS
[ "$(find . -type f ! -path ./SHA256SUMS${blocks.beside.map((name) => ` ! -path ./${name}`).join("")} | wc -l)" -eq "$(wc -l < SHA256SUMS)" ]
\`\`\`

The manifest is that of the digest:

\`\`\`sh
echo "${hex}  ${manifest}" | sha256sum --quiet -c -
\`\`\`

Each statement is signed, and is about the manifest that it is said to be about:

\`\`\`sh
${blocks.statements}
\`\`\`
${blocks.note}
## With cosign

\`\`\`sh
${blocks.cosign}
\`\`\`

${blocks.logs}

## The documents

A statement's \`predicate\` is the document of the same name. Each row in \`audit/extract.jsonl\` has a hash over itself without the hash, in JSON with sorted keys: \`jq -cjS 'del(.hash)'\`. \`audit/last-row.json\` is the chain's last row in that form: what it is of is signed like the statements, so whoever holds the whole chain cannot rewrite it up to there. The whole chain is with whoever runs Tidemill: \`tidemill audit verify\`.
`;
}

/** What differs by who signed: rows of the table, what the reader brings, and what the blocks hold. */
interface Blocks {
  readonly rows: string;
  readonly bring: string;
  readonly list: string;
  /** Files that vouch for the list, and so are not in it. */
  readonly beside: readonly string[];
  readonly statements: string;
  readonly note: string;
  readonly cosign: string;
  readonly logs: string;
}

const keysRow =
  "| `keys/`            | the public keys that signed                                                                         |";
const eachStatement = `while IFS="$(printf '\\t')" read -r name about signer type; do`;
const formSigned = (to: string): string =>
  `  { printf 'DSSEv1 28 application/vnd.in-toto+json %d ' "$(wc -c < "statements/$name.json")"; cat "statements/$name.json"; } > ${to}`;
const isAbout = `  grep -qF "\\"sha256\\":\\"$(sha256sum < "$about" | cut -d ' ' -f 1)\\"" "statements/$name.json" || { echo "$name is about something else"; exit 1; }`;
const byKey = (key: string, signed: string): string =>
  `if openssl pkey -pubin -in "${key}" -noout -text | grep -qi ed25519
  then openssl pkeyutl -verify -pubin -inkey "${key}" -rawin -in ${signed} -sigfile "signatures/$name.sig" > /dev/null
  else openssl dgst -sha256 -verify "${key}" -signature "signatures/$name.sig" ${signed} > /dev/null
  fi`;

function keyBlocks({ path, keyKind, name }: Extract<ExportSigner, { kind: "key" }>): Blocks {
  const summed =
    keyKind === "ed25519"
      ? 'openssl pkeyutl -verify -pubin -inkey "$KEY" -rawin -in SHA256SUMS -sigfile SHA256SUMS.sig'
      : 'openssl dgst -sha256 -verify "$KEY" -signature SHA256SUMS.sig SHA256SUMS';
  return {
    rows: keysRow,
    bring: `Get the public key from where you know it to be theirs, and name it. Its kind and fingerprint should be: ${name}.`,
    list: `KEY="\${KEY:-${path}}"\n${summed}`,
    beside: ["SHA256SUMS.sig"],
    statements: `${eachStatement}
${formSigned(".signed")}
  ${byKey("$signer", ".signed")} || { rm -f .signed; echo "$name is not as it was signed"; exit 1; }
  rm -f .signed
${isAbout}
  grep -qF "\\"predicateType\\":\\"$type\\"" "statements/$name.json" || { echo "$name is of another type"; exit 1; }
done < statements.tsv`,
    note: "",
    cosign: `${eachStatement}
  cosign verify-blob-attestation --key "$signer" --bundle "bundles/$name.sigstore.json" --new-bundle-format \\
    --trusted-root root.json --insecure-ignore-tlog=true --type "$type" "$about" || exit 1
done < statements.tsv`,
    logs: "Nothing was entered into a public log, so cosign is told not to look for it; `root.json` is an empty trusted root, which it wants beside a key.",
  };
}

function identityBlocks({
  path,
  subject,
  issuer,
  hasCertificateLogs,
}: Extract<ExportSigner, { kind: "identity" }>): Blocks {
  const brought = [
    `ROOT="\${ROOT:-${path}/trusted_root.json}"`,
    defaultOf("IDENTITY", subject),
    defaultOf("ISSUER", issuer),
  ];
  const own = [
    '--trusted-root "$ROOT"',
    `${optionOf("--certificate-identity", subject)} "$IDENTITY"`,
    `${optionOf("--certificate-oidc-issuer", issuer)} "$ISSUER"`,
    "--use-signed-timestamps",
    ...(hasCertificateLogs ? [] : ["--insecure-ignore-sct"]),
  ].join(" ");
  const named =
    typeof subject === "string"
      ? `openssl x509 -in "$1" -noout -ext subjectAltName | sed 's/^ *//' | grep -qxF -e "URI:$IDENTITY" -e "email:$IDENTITY" -e "othername: 1.3.6.1.4.1.57264.1.7::$IDENTITY" ||
    { echo "$1 is of another identity"; exit 1; }`
      : ": # who it names is a pattern, which cosign looks at";
  const open = `work="$(mktemp -d)"; trap 'rm -rf "$work"' EXIT
# by_authority CERTIFICATE ROOT: made out by an authority of the trusted root
by_authority() {
  jq -r '.certificateAuthorities[].certChain.certificates[].rawBytes' "$2" | while read -r der; do
    printf '%s\\n' '-----BEGIN CERTIFICATE-----' "$(printf '%s' "$der" | fold -w 64)" '-----END CERTIFICATE-----'
  done > "$work/authorities.pem"
  openssl verify -purpose any -no_check_time -partial_chain -CAfile "$work/authorities.pem" "$1" > /dev/null || { echo "$1 is by no authority of $2"; exit 1; }
}
# of_identity CERTIFICATE: for whom it should be
of_identity() {
  ${named}
}`;
  return {
    rows: `| \`certificates/\`    | of each statement that an identity signed, the certificate that it was signed with                 |
| \`identities/\`      | the identities that signed: whom the certificate names, who vouched for that, and the trusted root  |
${keysRow}`,
    bring: `Signatures are by an identity: certificates of a few minutes, entered into a log and dated by an authority, all of which the bundles hold. Get the trusted root from where you know it to be theirs, and name it, with whom the certificates have to name and who has to vouch for that: \`ROOT\`, \`IDENTITY\`, \`ISSUER\`. They should be: ${told(subject)} of ${told(issuer)}.`,
    list: `${brought.slice(0, 2).join("\n")}
${open}
by_authority SHA256SUMS.pem "$ROOT"
of_identity SHA256SUMS.pem
openssl x509 -in SHA256SUMS.pem -noout -pubkey > "$work/key.pub"
openssl dgst -sha256 -verify "$work/key.pub" -signature SHA256SUMS.sig SHA256SUMS`,
    beside: ["SHA256SUMS.sig", "SHA256SUMS.pem", "SHA256SUMS.sigstore.json"],
    statements: `${brought.slice(0, 2).join("\n")}
${open}
${eachStatement}
${formSigned('"$work/signed"')}
  key="$signer"
  case "$signer" in
    identities/*)
      if [ "$signer" = ${path} ]
      then by_authority "certificates/$name.pem" "$ROOT"; of_identity "certificates/$name.pem"
      else by_authority "certificates/$name.pem" "$signer/trusted_root.json"
      fi
      key="$work/key.pub"
      openssl x509 -in "certificates/$name.pem" -noout -pubkey > "$key" ;;
  esac
  ${byKey("$key", '"$work/signed"')} || { echo "$name is not as it was signed"; exit 1; }
${isAbout}
  [ "$(jq -r .predicateType "statements/$name.json")" = "$type" ] || { echo "$name is of another type"; exit 1; }
done < statements.tsv`,
    note: `
Who vouched for the identity, that the log has the entry, and that the certificate was good at the moment of signing, openssl does not look at: cosign does.
`,
    cosign: `${brought.join("\n")}
cosign verify-blob ${own} --new-bundle-format --bundle SHA256SUMS.sigstore.json SHA256SUMS
${eachStatement}
  case "$signer" in
    ${path}) set -- ${own} ;;
    identities/*) set -- --trusted-root "$signer/trusted_root.json" --certificate-identity-regexp "$(cat "$signer/subject")" --certificate-oidc-issuer-regexp "$(cat "$signer/issuer")" --use-signed-timestamps --insecure-ignore-sct ;;
    *) set -- --key "$signer" --trusted-root root.json --insecure-ignore-tlog=true ;;
  esac
  cosign verify-blob-attestation "$@" --new-bundle-format --bundle "bundles/$name.sigstore.json" --type "$type" "$about" || exit 1
  jq -r .dsseEnvelope.payload "bundles/$name.sigstore.json" | base64 -d | cmp -s - "statements/$name.json" || { echo "bundles/$name.sigstore.json holds another statement"; exit 1; }
done < statements.tsv`,
    logs: "The entries of the log, and the proofs that it has them, are in the bundles, and so are the timestamps: cosign asks nobody. Statements that a key signed were entered into no log; `root.json` is an empty trusted root, which cosign wants beside a key.",
  };
}

/** The reader's own where it is set, else what the export says. */
function defaultOf(name: string, rule: TextRule): string {
  const word = quote(typeof rule === "string" ? rule : wholly(rule.pattern));
  return `[ -n "\${${name}:-}" ] || ${name}=${word}`;
}

function optionOf(option: string, rule: TextRule): string {
  return typeof rule === "string" ? option : `${option}-regexp`;
}

/** A rule as a pattern that matches the whole, as cosign takes them: its own may match a part. */
export function patternOf(rule: TextRule): string {
  return wholly(typeof rule === "string" ? rule.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`) : rule.pattern);
}

function wholly(pattern: string): string {
  return `^(?:${pattern})$`;
}

function told(rule: TextRule): string {
  const text = typeof rule === "string" ? rule : `/${rule.pattern}/`;
  return `\`${text.replaceAll(/[`\r\n]/g, " ")}\``;
}

/** A word as a shell reads it. */
function quote(word: string): string {
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
