import { describe, expect, it } from "vitest";
import { refuseSimpleSigning, refuseStatement, verifyBundleWithKey } from "./index.ts";

const image = { digest: `sha256:${"a".repeat(64)}`, names: ["registry.example/web"] } as const;
/** The library that checks shapes throws on it where a text with a limit is expected. */
const nothing = '{"length":{"toString":1,"valueOf":1}}';
const bytes = (text: string): Uint8Array => Buffer.from(text);

describe("an object that turns into no value, in place of a text", () => {
  it("is a payload of simple signing that is refused", () => {
    const critical = `{"identity":{"docker-reference":${nothing}},"image":{"docker-manifest-digest":${nothing}},"type":${nothing}}`;
    expect(refuseSimpleSigning(bytes(`{"critical":${critical}}`), image)).toBe("its payload is none of simple signing");
  });

  it("is a statement that is refused", () => {
    const statement = `{"_type":"https://in-toto.io/Statement/v1","subject":${nothing},"predicateType":${nothing}}`;
    expect(refuseStatement(bytes(statement), image)).toBe("its payload is no in-toto statement");
  });

  it("is a bundle that is refused", () => {
    const bundle = `{"mediaType":${nothing},"dsseEnvelope":{"payload":${nothing},"signatures":[{"sig":${nothing}}]}}`;
    expect(verifyBundleWithKey(bytes(bundle), [], image)).toMatchObject({ kind: "refused" });
  });
});
