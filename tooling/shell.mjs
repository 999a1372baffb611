import { spawn } from "node:child_process";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's root folder. */
export const root = fileURLToPath(new URL("..", import.meta.url));

const onWindows = process.platform === "win32";

/**
 * @typedef {object} Outcome
 * @property {number} code the exit code
 * @property {string} output standard output and standard error, in the order they came
 * @property {number} seconds how long it took
 */

/**
 * Runs a command with the workspace's own tools on the PATH, so that nothing needs to be installed globally.
 *
 * @param {readonly string[]} command the program and its arguments
 * @param {object} [options]
 * @param {boolean} [options.show] passes the output through instead of collecting it; default false
 * @param {string} [options.folder] the working directory; default the repository's root
 * @param {Record<string, string>} [options.environment] variables on top of the current ones
 * @returns {Promise<Outcome>}
 */
export function shell(command, { show = false, folder = root, environment = {} } = {}) {
  const [program = "", ...args] = command;
  const started = performance.now();
  const child = spawn(program, args, {
    cwd: folder,
    stdio: show ? "inherit" : ["ignore", "pipe", "pipe"],
    shell: onWindows,
    env: {
      ...process.env,
      PATH: [join(root, "node_modules", ".bin"), process.env.PATH].join(delimiter),
      TURBO_TELEMETRY_DISABLED: "1",
      ...environment,
    },
  });
  // Ctrl-C on a terminal reaches the command itself: wait for it, as it may have something to save. Other signals are handed on.
  const handOn = (/** @type {NodeJS.Signals} */ signal) => {
    if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
  };
  if (show) for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"])) process.on(signal, handOn);
  let output = "";
  child.stdout?.setEncoding("utf8").on("data", (text) => (output += text));
  child.stderr?.setEncoding("utf8").on("data", (text) => (output += text));
  return new Promise((resolve) => {
    const finish = (/** @type {number} */ code) => {
      for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"])) process.off(signal, handOn);
      resolve({ code, output, seconds: (performance.now() - started) / 1000 });
    };
    child.on("error", (error) => {
      output += `${error.message}\n`;
      finish(127);
    });
    child.on("close", (code) => finish(code ?? 1));
  });
}

/**
 * Runs a command with its output shown, and ends this process with its exit code if it fails.
 *
 * @param {readonly string[]} command
 */
export async function must(command) {
  const { code } = await shell(command, { show: true });
  if (code !== 0) process.exit(code);
}
