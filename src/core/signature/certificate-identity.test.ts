import { describe, expect, it } from "vitest";
import { readCertificateIdentity } from "./index.ts";

const der = (tag: number, ...parts: (string | Buffer)[]): Buffer => {
  const content = Buffer.concat(parts.map((part) => Buffer.from(part)));
  const length = content.length < 0x80 ? [content.length] : [0x82, content.length >> 8, content.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
};
const fulcio = "1.3.6.1.4.1.57264.1";
const name = (...names: Buffer[]) => ({ oid: "2.5.29.17", value: der(0x30, ...names) });
const issuer = { oid: `${fulcio}.8`, value: der(0x0c, "https://issuer.example") };
const email = der(0x81, "release@example.org");
const usernameOid = Buffer.from("060a2b0601040183bf300107", "hex");

describe("readCertificateIdentity", () => {
  it.each([
    ["email", "release@example.org", email],
    ["uri", "https://forge.example/team", der(0x86, "https://forge.example/team")],
    ["username", "alice!example.org", der(0xa0, usernameOid, der(0xa0, der(0x0c, "alice!example.org")))],
  ])("reads a subject of kind %s", (subjectKind, subject, value) =>
    expect(readCertificateIdentity([name(value), issuer])).toEqual({
      subject,
      subjectKind,
      issuer: "https://issuer.example",
      claims: {},
    }),
  );

  it("reads what the certificate repeats of the token, and an issuer in its older form", () => {
    const extensions = [
      name(email),
      { oid: `${fulcio}.1`, value: Buffer.from("https://old.example") },
      { oid: `${fulcio}.12`, value: der(0x0c, "https://forge.example/team/app") },
      { oid: `${fulcio}.14`, value: der(0x0c, "refs/heads/main") },
      { oid: `${fulcio}.99`, value: der(0x0c, "later") },
    ];
    expect(readCertificateIdentity(extensions)).toMatchObject({
      issuer: "https://old.example",
      claims: { sourceRepository: "https://forge.example/team/app", sourceRef: "refs/heads/main" },
    });
  });

  it.each([
    ["names nobody", [issuer]],
    ["names nobody", [name(), issuer]],
    ["names several", [name(email, der(0x81, "other@example.org")), issuer]],
    ["names somebody in a way that is not known", [name(der(0x82, "dns.example")), issuer]],
    ["names somebody in a way that is not known", [name(der(0xa0, der(0x06, "x"), der(0xa0, der(0x0c, "a")))), issuer]],
    ["names somebody in a way that is not known", [name(der(0x81, "a\u0000b@example.org")), issuer]],
    ["names somebody in a way that is not known", [name(der(0x81, Buffer.from([0xff, 0xfe]))), issuer]],
    ["names somebody in a way that is not known", [name(der(0x81, "x".repeat(3000))), issuer]],
    ["names nobody", [{ oid: "2.5.29.17", value: Buffer.concat([der(0x30, email), Buffer.from([0])]) }, issuer]],
    ["names nobody", [{ oid: "2.5.29.17", value: Buffer.from("30ff", "hex") }, issuer]],
    ["names nobody", [{ oid: "2.5.29.17", value: Buffer.from("3081058103616263", "hex") }, issuer]],
    ["names no issuer", [name(email)]],
    ["names no issuer", [name(email), { oid: `${fulcio}.8`, value: Buffer.from("https://bare.example") }]],
    ["has the extension 2.5.29.17 twice", [name(email), name(email), issuer]],
  ])("refuses one that %s", (reason, extensions) =>
    expect(readCertificateIdentity(extensions)).toBe(`its certificate ${reason}`),
  );
});
