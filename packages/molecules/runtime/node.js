// What Node has and browsers do not. Chosen by the "imports" of package.json.
import * as childProcess from "node:child_process";
import * as crypto from "node:crypto";
import * as fs from "node:fs/promises";
import * as module from "node:module";
import * as os from "node:os";
import * as path from "node:path";

export const nodeModules = { childProcess, crypto, fs, module, os, path };
