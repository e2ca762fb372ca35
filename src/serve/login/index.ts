export { createLogin, type Login } from "./create-login.ts";
export { addLogin, loginPage } from "./login-routes.ts";
