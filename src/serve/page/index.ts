export { addPage } from "./page-routes.ts";
