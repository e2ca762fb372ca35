export { renderDoor, type Visitor } from "./status-page.ts";
export { addPage, pageHeaders } from "./page-routes.ts";
