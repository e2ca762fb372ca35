import { describe, expect } from "vitest";
import { describeStores, testStart } from "../../../test/fakes/stores.ts";
import { operations } from "../../operation/index.ts";
import { createHold } from "./hold.ts";
import { createResume } from "./resume.ts";
import { configOf, fleetText } from "./testdata/fleet.ts";

describeStores("hold and resume", ({ it, store, clock }) => {
  const config = configOf(fleetText);
  const deps = () => ({ config, store: store(), clock });
  const ada = { by: "ada", reason: "release on Friday" };

  describe("a hold", () => {
    it("is a person's, and says what, why and until when", async () => {
      const until = new Date(clock.now() + 3_600_000).toISOString();
      const output = await createHold(deps())({ image: "web", environment: "production", until, ...ada });
      expect(operations.hold.output.parse(output)).toEqual({
        hold: {
          id: output.hold.id,
          image: "web",
          environment: "production",
          setBy: "person",
          ...ada,
          since: new Date(testStart).toISOString(),
          until,
        },
      });
      expect(await store().loadHolds("web")).toHaveLength(1);
      expect(await store().loadHolds("base")).toHaveLength(0);
    });

    it("without a name covers the fleet", async () => {
      const { hold } = await createHold(deps())(ada);
      expect(hold).toMatchObject({ image: null, environment: null, until: null });
      expect(await store().loadHolds("base")).toHaveLength(1);
    });

    it("names the image or environment that was probably meant, and holds nothing", async () => {
      const hold = createHold(deps());
      await expect(hold({ image: "wbe", ...ada })).rejects.toMatchObject({
        code: "NOT_FOUND",
        hint: 'Did you mean "web"?',
      });
      await expect(hold({ image: "toString", ...ada })).rejects.toMatchObject({ hint: "Known: base, web." });
      await expect(hold({ environment: "producton", ...ada })).rejects.toMatchObject({
        code: "NOT_FOUND",
        hint: 'Did you mean "production"?',
      });
      expect(await store().loadHolds()).toEqual([]);
    });

    it("that would end before it begins is refused", async () => {
      const until = new Date(clock.now()).toISOString();
      await expect(createHold(deps())({ until, ...ada })).rejects.toMatchObject({ code: "BAD_INPUT" });
      expect(await store().loadHolds()).toEqual([]);
    });
  });

  describe("resume", () => {
    it("lifts exactly the holds on what is named, those of Tidemill too", async () => {
      const hold = createHold(deps());
      await hold(ada);
      await hold({ image: "web", ...ada });
      await hold({ image: "web", environment: "staging", ...ada });
      await store().saveHold({
        image: "web",
        environment: null,
        byPerson: false,
        who: "tidemill",
        reason: "it broke",
        until: null,
      });
      const output = await createResume(deps())({ image: "web", by: "bob", reason: "released" });
      expect(
        operations.resume.output
          .parse(output)
          .lifted.map(({ image, environment, setBy }) => [image, environment, setBy]),
      ).toEqual([
        ["web", null, "person"],
        ["web", null, "tidemill"],
      ]);
      expect((await store().loadHolds("web")).map(({ image, environment }) => [image, environment])).toEqual([
        [null, null],
        ["web", "staging"],
      ]);
    });

    it("lifts nothing where nothing holds, nor what had ended by itself", async () => {
      const resume = createResume(deps());
      expect(await resume({ image: "web", ...ada })).toEqual({ lifted: [] });
      await createHold(deps())({ image: "web", until: new Date(clock.now() + 1000).toISOString(), ...ada });
      clock.advance(2000);
      expect(await resume({ image: "web", ...ada })).toEqual({ lifted: [] });
    });

    it("knows an image that is declared no longer as long as a hold names it", async () => {
      await store().saveHold({
        image: "gone",
        environment: null,
        byPerson: true,
        who: "ada",
        reason: "old",
        until: null,
      });
      const resume = createResume(deps());
      expect((await resume({ image: "gone", ...ada })).lifted).toHaveLength(1);
      await expect(resume({ image: "gone", ...ada })).rejects.toMatchObject({ code: "NOT_FOUND" });
      await expect(resume({ environment: "prod", ...ada })).rejects.toMatchObject({ code: "NOT_FOUND" });
    });
  });
});
