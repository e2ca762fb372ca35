import { describe, expect, it } from "vitest";
import {
  cloudEvent,
  cloudEventHeaders,
  describeNotice,
  mailOf,
  routeNotice,
  slackMessage,
  teamsMessage,
  unknownPlaceholder,
  type Message,
  type Told,
  type Wishes,
} from "./index.ts";

const minute = 60_000;
/** A Friday. */
const now = Date.UTC(2026, 10, 27, 12, 0, 30);
const told = (event: string, body: Told["body"] = {}, more: Partial<Told> = {}): Told => ({
  id: "n1",
  event,
  body: { image: "web", environment: "production", ...body },
  createdAt: now,
  repeats: 0,
  ...more,
});
const all: Wishes = { name: "ops", urgentOnly: false, hours: [] };
const names = (event: Told, wishes: Partial<Wishes>, labels: readonly string[] = []): readonly string[] =>
  routeNotice(event, [{ ...all, ...wishes }], labels, now).map(({ receiver }) => receiver);

describe("who is told", () => {
  it.each([
    [{}, true],
    [{ events: ["promoted"] }, true],
    [{ events: ["held"] }, false],
    [{ environments: ["production"] }, true],
    [{ environments: ["staging"] }, false],
    [{ labels: ["team=pay", "team=shop"] }, true],
    [{ labels: ["team=pay"] }, false],
    [{ urgentOnly: true }, false],
  ])("fits %o: %s", (wishes, isTold) => {
    expect(names(told("promoted"), wishes, ["team=shop"])).toEqual(isTold ? ["ops"] : []);
  });

  it.each([
    ["rolled-back", {}, true],
    ["deploy-failed", {}, true],
    ["conflict", {}, true],
    ["alarm-raised", { severity: "error" }, true],
    ["alarm-raised", { severity: "warning" }, false],
    ["alarm-raised", { severity: "warning", urgent: true }, true],
    ["promoted", { lane: "urgent" }, true],
    ["held", {}, false],
  ])("%s %o is urgent: %s", (event, body, isUrgent) => {
    expect(names(told(event, body), { urgentOnly: true })).toEqual(isUrgent ? ["ops"] : []);
  });

  it("is told at the end of its span, in its hours, and of what is urgent at once", () => {
    const due = (event: Told, wishes: Partial<Wishes>): number | undefined =>
      routeNotice(event, [{ ...all, ...wishes }], [], now)[0]?.notBefore;
    expect(due(told("promoted"), {})).toBe(now);
    expect(due(told("promoted"), { digestMs: 10 * minute })).toBe(Date.UTC(2026, 10, 27, 12, 10));
    const hours = [{ days: ["mon" as const], from: "09:00", to: "17:00", zone: "Europe/Berlin" }];
    expect(due(told("promoted"), { hours })).toBe(Date.UTC(2026, 10, 30, 8));
    expect(due(told("promoted"), { hours, digestMs: 10 * minute })).toBe(Date.UTC(2026, 10, 30, 8));
    expect(due(told("rolled-back"), { hours, digestMs: 10 * minute })).toBe(now);
  });

  it("is told of the same thing under the same name", () => {
    const about = (event: Told): string | undefined => routeNotice(event, [all], [], now)[0]?.about;
    expect(about(told("promoted", { digest: "a" }))).toBe(about(told("promoted", { digest: "a", reason: "other" })));
    expect(about(told("promoted", { digest: "a" }))).not.toBe(about(told("promoted", { digest: "b" })));
    expect(about(told("promoted"))).not.toBe(about(told("deployed")));
  });
});

describe("what is said", () => {
  it("is what happened to what, where, and what to type", () => {
    const notice = describeNotice(
      told(
        "question-asked",
        { digest: "sha256:ab", message: "production wants 2 approvals", answer: "tidemill approve web" },
        { repeats: 2 },
      ),
      { link: "https://mill.example" },
    );
    expect(notice).toMatchObject({
      title: "web waits for a person in production (3 times)",
      text: "production wants 2 approvals",
      facts: [
        ["image", "web"],
        ["environment", "production"],
        ["digest", "sha256:ab"],
      ],
      answer: "tidemill approve web",
      link: "https://mill.example",
      urgent: false,
    });
    const alarm = told("alarm-raised", {
      image: undefined,
      environment: undefined,
      code: "mirror-lags",
      subject: "debian",
      severity: "error",
    });
    expect(describeNotice(alarm)).toMatchObject({ title: "debian raised an alarm (mirror-lags)", urgent: true });
  });

  it("is in the words of a template, whose values are only values", () => {
    const template = { title: "{{image}}: {{ event }}", text: "{{message}} {{answer}}" };
    const notice = describeNotice(told("held", { message: "{{digest}} and {{secret}}" }), { template });
    expect([notice.title, notice.text]).toEqual(["web: held", "{{digest}} and {{secret}} "]);
    expect(unknownPlaceholder("{{image}} {{ digest }}")).toBeUndefined();
    expect(unknownPlaceholder("{{image}} {{secret}}")).toBe("secret");
    expect(unknownPlaceholder("{{process.env}}")).toBe("process.env");
  });
});

const hostile = `<!channel> <https://evil.example|here> *b* @all [x](http://evil.example) <img src=x onerror=alert(1)>\r\nBcc: eve@example.org\u001b[2J`;
const message = (count: number, text = hostile): Message => {
  const one = describeNotice(told("rebuild-failed", { message: text, image: text, answer: text }), {
    link: "https://mill.example/?a=<b>",
  });
  return { id: "m1", notices: [one, ...Array.from({ length: count - 1 }, () => one)] };
};

describe("what others wrote", () => {
  it("is plain text for Slack, within its limits", () => {
    for (const count of [1, 500]) {
      const { blocks, text } = slackMessage(message(count, hostile.repeat(300))) as {
        text: string;
        blocks: { type: string; text?: { type: string; text: string }; elements?: { type: string; text: string }[] }[];
      };
      expect(blocks.length).toBeLessThanOrEqual(50);
      const said = blocks.flatMap((block) => [block.text ?? [], block.elements ?? []].flat());
      for (const one of said.filter(({ type }) => type !== "plain_text"))
        expect(one.text).toBe("<https://mill.example/?a=%3Cb%3E|Tidemill>");
      for (const one of said) expect(one.text.length).toBeLessThanOrEqual(3000);
      expect(blocks[0]?.text?.text.length).toBeLessThanOrEqual(150);
      expect(text).not.toMatch(/<!channel>|<https/);
    }
  });

  it("is in text runs for Teams, which know no Markdown, and the card is small enough", () => {
    const card = JSON.stringify(teamsMessage(message(500)));
    expect(card.length).toBeLessThan(28_000 * 3);
    expect(card).not.toContain('"TextBlock"');
    expect(card).toContain('"version":"1.5"');
  });

  it("makes no header of a mail and no tag of its page", () => {
    const { subject, html, text } = mailOf(message(1));
    for (const steering of ["\r", "\n", "\u001b"]) expect(subject).not.toContain(steering);
    expect(html).not.toMatch(/<img|<https|onerror=alert\(1\)>/);
    expect(html).toContain("&lt;img");
    expect(html).toContain('href="https://mill.example/?a=&lt;b&gt;"');
    expect(text).toContain("answer: ");
    expect(mailOf(message(30)).text).toContain("… and 10 more");
  });

  it("is encoded in headers of a CloudEvent", () => {
    const event = cloudEvent(told("held", { image: 'wéb "1"%\r\n', environment: "p" }), "https://mill.example");
    expect(event).toMatchObject({
      specversion: "1.0",
      type: "dev.tidemill.held",
      source: "https://mill.example",
      id: "n1",
      time: "2026-11-27T12:00:30.000Z",
    });
    expect(cloudEventHeaders(event)).toMatchObject({
      "content-type": "application/json",
      "ce-subject": "w%C3%A9b%20%221%22%25%0D%0A/p",
      "ce-id": "n1",
    });
  });
});
