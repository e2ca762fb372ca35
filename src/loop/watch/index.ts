export { watchSuites, type Watched } from "./watch-suites.ts";
