import { once } from "node:events";
import { existsSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { chromium, type Browser, type Page } from "playwright-core";
import { afterAll, describe, expect } from "vitest";
import { needs } from "../../../test/needs.ts";
import type { Operations, Status } from "../../operation/index.ts";
import { hostileStatus, sampleStatus } from "../../operation/testdata/status.ts";
import { createEventBus, createHandler, createServer } from "../index.ts";

const executable = process.env.CHROMIUM ?? "/usr/bin/chromium";
const browserTest = needs(existsSync(executable) ? undefined : `no browser at ${executable} (set CHROMIUM)`);
let browser: Browser | undefined;
afterAll(async () => browser?.close());

/** Shows `current()` in a real browser; `complaints` are dialogs, errors and what the content security policy stopped. */
async function show(
  current: () => Status,
  look: (page: Page, events: ReturnType<typeof createEventBus>, complaints: string[]) => Promise<void>,
  options: { readonly javaScriptEnabled?: boolean } = {},
): Promise<void> {
  browser ??= await chromium.launch({ executablePath: executable, args: ["--no-sandbox"] });
  const events = createEventBus();
  const operations = { status: () => Promise.resolve(current()) } as Partial<Operations> as Operations;
  const server = createServer(createHandler({ operations, token: "t", version: "0", events }));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const page = await browser.newPage(options);
  const complaints: string[] = [];
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("dialog", (dialog) => {
    complaints.push(dialog.message());
    void dialog.dismiss();
  });
  try {
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    await look(page, events, complaints);
  } finally {
    await page.close();
    server.close();
    server.closeAllConnections();
  }
}

describe("the status page in a browser", () => {
  browserTest("follows the fleet without being loaded again, and nothing complains", async () => {
    let status = sampleStatus;
    await show(
      () => status,
      async (page, events, complaints) => {
        await page.getByText("live", { exact: true }).waitFor();
        const [image] = sampleStatus.images;
        status = { ...sampleStatus, images: [{ ...image!, name: "brand-new" }] };
        events.publish({ at: status.at, kind: "built", image: "brand-new", message: "built" });
        await page.getByRole("rowheader", { name: "brand-new" }).waitFor({ timeout: 8000 });
        expect(complaints).toEqual([]);
      },
    );
  });

  browserTest("runs nothing that a name brings along", async () => {
    await show(hostileStatus, async (page, _, complaints) => {
      await page.getByText("live", { exact: true }).waitFor();
      expect(await page.locator("main script, main [onx]").count()).toBe(0);
      expect(await page.getByText("<script>alert(1)</script>").count()).toBeGreaterThan(10);
      expect(complaints).toEqual([]);
    });
  });

  browserTest("is whole without its script", async () => {
    await show(
      () => sampleStatus,
      async (page) => {
        expect(await page.getByRole("rowheader", { name: "nginx" }).count()).toBeGreaterThan(0);
        expect(await page.locator("h2").allInnerTexts()).toEqual(
          expect.arrayContaining([expect.stringContaining("Alarms")]),
        );
      },
      { javaScriptEnabled: false },
    );
  });
});
