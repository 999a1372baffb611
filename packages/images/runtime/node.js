// What Node has and browsers do not. Chosen by the "imports" of package.json.
import * as crypto from "node:crypto";
import * as fs from "node:fs/promises";
import * as os from "node:os";
import * as path from "node:path";

export const nodeModules = { crypto, fs, os, path };
export const importSharp = () => import("sharp");
