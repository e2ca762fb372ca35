import { secretForms } from "../../lib/index.ts";

const secretKey = /secret|token|passw|passphrase|credential|private|api.?key/i;

/** What in a configuration is nobody's to read, by the names of its keys, in the forms in which it may stand in a text; longest first. */
export function secretsOf(config: unknown): readonly string[] {
  const found: string[] = [];
  const look = (value: unknown, key: string): void => {
    if (typeof value === "string") {
      if (secretKey.test(key)) found.push(value);
      const userinfo = /^[a-z+]+:\/\/[^/@:]*:([^/@]+)@/i.exec(value)?.[1];
      if (userinfo !== undefined) found.push(userinfo);
    } else if (Array.isArray(value)) for (const one of value) look(one, key);
    else if (typeof value === "object" && value !== null)
      for (const [name, one] of Object.entries(value)) look(one, name);
  };
  look(config, "");
  return secretForms(found);
}
