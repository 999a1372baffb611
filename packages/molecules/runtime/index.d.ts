import type * as childProcess from "node:child_process";
import type * as crypto from "node:crypto";
import type * as fs from "node:fs/promises";
import type * as module from "node:module";
import type * as os from "node:os";
import type * as path from "node:path";

/** The modules of Node that are used here; undefined in browsers. */
export const nodeModules:
  | {
      readonly childProcess: typeof childProcess;
      readonly crypto: typeof crypto;
      readonly fs: typeof fs;
      readonly module: typeof module;
      readonly os: typeof os;
      readonly path: typeof path;
    }
  | undefined;
