import { AppError, printable } from "../lib/index.ts";
import type { Doctor } from "../operation/index.ts";
import { command, withConnection } from "./command.ts";
import type { Screen } from "./screen.ts";

export const doctor = command<Doctor>({
  usage: "doctor",
  summary: "Whether everything that Tidemill needs is there and works",
  examples: [["tidemill doctor", "and what to do where it does not"]],
  run: async (context) => {
    try {
      return await withConnection(context, ({ operations }) => operations.doctor({}));
    } catch (error) {
      // The patient that cannot be opened is the case that the doctor is called for.
      if (!(error instanceof AppError)) throw error;
      const check = { name: "open", state: "failed" as const, message: error.message, hint: error.hint ?? null };
      return { ok: false, checks: [check] };
    }
  },
  print: printDoctor,
  outcome: (output) => (output.ok ? "ok" : "failed"),
});

function printDoctor(doctor: Doctor, screen: Screen): string {
  const mark = { ok: screen.green("ok     "), warning: screen.yellow("warning"), failed: screen.red("failed ") };
  const lines = doctor.checks.map((check) => {
    const hint = check.state === "ok" || check.hint === null ? "" : `\n           ${screen.dim(printable(check.hint))}`;
    return `${mark[check.state]}  ${printable(check.name)}: ${printable(check.message)}${hint}`;
  });
  return [...lines, "", doctor.ok ? screen.green("All that is needed is there.") : screen.red("Not all is well.")].join(
    "\n",
  );
}
