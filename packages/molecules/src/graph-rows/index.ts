export { addRows, takeRows } from "./rows.js";
