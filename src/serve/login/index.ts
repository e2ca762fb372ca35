export { createLogin, type Login } from "./create-login.ts";
export { addLogin, refusalPage } from "./login-routes.ts";
