// What the root scripts run: start, test, acceptance or bench, on a machine that has only Node and npm.
import { install } from "./install.mjs";
import { must, shell } from "./shell.mjs";

async function build() {
  console.log("building ...");
  const { code, output, seconds } = await shell(["npm", "--silent", "run", "build"]);
  if (code === 0) return console.log(`built in ${seconds.toFixed(1)} s`);
  console.error(output);
  process.exit(code);
}

/** @type {Record<string, (options: string[]) => Promise<void>>} */
const tasks = {
  async start(options) {
    await build();
    const command = ["node", "apps/cli/bin/diffusiongym.js", "adapt", "toy/gmm2d", "toy/linear", ...options];
    const { code } = await shell(command, { show: true });
    if (code === 130) console.error("In this repository that is: npm start");
    process.exit(code);
  },
  async test(options) {
    await must(["node", "tooling/test.mjs", ...options]);
  },
  async acceptance(options) {
    await build();
    await must(["vitest", "run", "--config", "tooling/vitest/acceptance.config.ts", ...options]);
  },
  async bench(options) {
    await build();
    await must(["node", "tooling/bench/run.mjs", ...options]);
  },
};

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Node ${process.versions.node} is too old: this needs Node 20.19 or newer.`);
  process.exit(1);
}
const [name = "", ...options] = process.argv.slice(2);
const task = tasks[name];
if (!task) {
  console.error(`Unknown task "${name}": expected one of ${Object.keys(tasks).join(", ")}.`);
  process.exit(1);
}
await install();
await task(options);
