import { join } from "node:path";
import { root } from "../shell.mjs";

/** Where the packed packages lie. */
export const packed = join(root, "tooling", "packed");

/** @param {string} name a package's @returns {string} the path of its tarball */
export const tarball = (name) => join(packed, `${name.replace("@", "").replace("/", "-")}.tgz`);
