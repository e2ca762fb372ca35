export { tellForges, type NewsOf, type TellContext } from "./tell-forges.ts";
