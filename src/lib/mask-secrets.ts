const mask = "***";
/** A shorter one would make a text unreadable, and hides nothing. */
const shortestMasked = 4;

/** What to look for in a text so that none of `secrets` stands in it: each as it is, its lines, and its base64; longest first. */
export function secretForms(secrets: readonly string[]): string[] {
  const forms = secrets.flatMap((secret) => {
    const bare = secret.replace(/[\r\n]+$/, "");
    if (bare.length < shortestMasked) return [];
    const lines = bare.split(/\r?\n/).map((line) => line.trim());
    return [secret, bare, ...lines, Buffer.from(secret).toString("base64"), Buffer.from(bare).toString("base64")];
  });
  const long = forms.filter((form) => form.length >= shortestMasked && !/^-----(?:BEGIN|END) /.test(form));
  return [...new Set(long)].sort((a, b) => b.length - a.length);
}

/** `text` with each of `forms` masked wherever it stands. */
export function maskSecrets(text: string, forms: readonly string[]): string {
  return forms.reduce((shown, form) => shown.replaceAll(form, mask), text);
}
