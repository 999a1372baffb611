// What the root scripts run: start, test, acceptance, an example or bench, on a machine that has only Node and npm.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { install } from "./install.mjs";
import { must, root, shell } from "./shell.mjs";

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
  async example([name = "", ...options]) {
    const known = readdirSync(join(root, "apps/examples"))
      .filter((file) => /^[a-z]+\.mjs$/.test(file))
      .map((file) => file.replace(".mjs", ""));
    if (!known.includes(name)) {
      console.error(`There is no example "${name}": choose ${known.join(" or ")}.`);
      process.exit(1);
    }
    await build();
    const { code } = await shell(["node", `apps/examples/${name}.mjs`, ...options], { show: true });
    process.exit(code);
  },
  async bench(options) {
    await build();
    await must(["node", "tooling/bench/run.mjs", ...options]);
  },
  async compare(options) {
    await build();
    const { code } = await shell(["node", "apps/cli/bin/diffusiongym.js", "compare", ...options], { show: true });
    process.exit(code);
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
