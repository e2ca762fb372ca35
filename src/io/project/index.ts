export { scanProject } from "./scan-project.ts";
