export { probeCommand, type CommandProbe } from "./probe-command.ts";
export { probeHttp, type HttpProbe } from "./probe-http.ts";
export { probeTcp, type TcpProbe } from "./probe-tcp.ts";
export { runProgram, type ProgramEnd, type ProgramRun } from "./run-program.ts";
export type { ProbeResult } from "./types.ts";
