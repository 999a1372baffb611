/**
 * The same networks in headless Chromium, on onnxruntime-web's Wasm, beside onnxruntime-node. Says so and ends where there
 * is no Chromium.
 *
 *     pnpm bench nn browser
 */

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Adam, Engine } from "@diffusiongym/nn";
import { takeTurns, timed } from "../../../tooling/bench/harness.mjs";
import { findChromium } from "../../../tooling/browser/chromium.mjs";
import { inputsOf, network, squares, targetOf } from "./shared/networks.mjs";

const root = createRequire(new URL("../../../package.json", import.meta.url));
const threads = Number(process.env.THREADS ?? 2);
const chromium = await findChromium();
if (typeof chromium === "string") {
  console.log(`The browser is left out: ${chromium}.`);
} else {
  await measure(chromium);
}

/** @param {import("../../../tooling/browser/chromium.mjs").Chromium} found */
async function measure({ executablePath, environment }) {
  const { build } = root("esbuild");
  const entry = fileURLToPath(new URL("shared/page.mjs", import.meta.url));
  const bundle = await build({ entryPoints: [entry], bundle: true, write: false, format: "esm", platform: "browser" });
  const runtime = dirname(createRequire(import.meta.url).resolve("onnxruntime-web"));
  const server = createServer((request, response) => {
    // Memory that threads share is there only for pages that are isolated from others.
    response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
    response.setHeader("Cross-Origin-Embedder-Policy", "require-corp");
    const path = new URL(request.url ?? "/", "http://localhost").pathname;
    const file = /^\/onnxruntime-web\/([\w.-]+)$/.exec(path)?.[1];
    const type = path.endsWith(".wasm") ? "application/wasm" : path === "/" ? "text/html" : "text/javascript";
    response.setHeader("Content-Type", type);
    if (path === "/") response.end('<!doctype html><script type="module" src="/page.js"></script>');
    else if (path === "/page.js") response.end(bundle.outputFiles[0].text);
    else if (file) response.end(readFileSync(join(runtime, file)));
    else response.writeHead(404).end();
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  const browser = await root("playwright").chromium.launch({
    executablePath,
    args: ["--no-sandbox"],
    env: { ...process.env, ...environment },
  });
  try {
    const page = await browser.newPage();
    page.on("pageerror", (/** @type {Error} */ error) => console.error(error.message));
    await page.goto(`http://127.0.0.1:${port}/`);
    await page.waitForFunction("globalThis.times");
    for (const [name, batch] of /** @type {const} */ ([
      ["mlp_film", 512],
      ["cnn_value", 64],
    ])) {
      const inPage = (/** @type {string} */ what) => async () => {
        const call = `times("${name}", { batch: ${batch}, threads: ${threads}, repeats: 9 })`;
        const list = (await page.evaluate(call))[what].sort(
          (/** @type {number} */ a, /** @type {number} */ b) => a - b,
        );
        return list[4];
      };
      const engine = new Engine({ threads });
      const net = network(name, engine);
      const inputs = inputsOf(name, batch);
      const feeds = { ...inputs, target: await targetOf(net, inputs) };
      const fit = squares(net);
      const adam = new Adam(net.parameters, { learningRate: 1e-4 });
      const frozen = net.freeze();
      const title = `${name}, batch ${batch}, ${threads} threads`;
      const options = { repeats: 7, warmUp: 1 };
      const forward = { Node: timed(() => frozen.run(inputs), 10), Chromium: inPage("forward") };
      await takeTurns(`${title}: forward`, forward, options);
      const step = async () => {
        await fit.run(feeds);
        adam.update(net.gradients);
      };
      await takeTurns(`${title}: training step`, { Node: timed(step, 10), Chromium: inPage("step") }, options);
      await engine.dispose();
    }
  } finally {
    await browser.close();
    server.close();
  }
}
