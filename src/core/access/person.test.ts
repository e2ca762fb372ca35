import { describe, expect, it } from "vitest";
import { personNameOf } from "./index.ts";

describe("personNameOf", () => {
  it.each([
    ["email", { email: "ada@example.org", email_verified: true }, "ada@example.org"],
    ["email", { email: "ada@example.org", email_verified: "true" }, "ada@example.org"],
    ["email", { email: "ada@example.org", email_verified: false }, undefined],
    ["email", { email: "ada@example.org" }, undefined],
    ["upn", { upn: "ada" }, "ada"],
    ["name", { name: "Ada Lovelace" }, "Ada Lovelace"],
    ["name", { name: "token:ci" }, undefined],
    ["name", { name: "github:org/app" }, undefined],
    ["name", { name: "Tidemill" }, undefined],
    ["name", { name: "loopback" }, undefined],
    ["name", { name: " ada" }, undefined],
    ["name", { name: "ada\u202e" }, undefined],
    ["name", { name: "ada\n" }, undefined],
    ["name", { name: "" }, undefined],
    ["name", { name: "a".repeat(201) }, undefined],
    ["name", { name: ["ada"] }, undefined],
    ["constructor", {}, undefined],
  ])("%s of %j is %j", (from, claims, name) => expect(personNameOf(claims, from)).toBe(name));
});
