// A process of its own that samples 64 images of `images/scenes` in 100 steps and prints its largest resident set in megabytes.
import { DDTensor, Environment, RandomKey } from "@diffusiongym/core";
import { BrightnessReward, loadScenesModel } from "@diffusiongym/images";
import { Engine } from "@diffusiongym/nn";

const [recorded, threads = "2"] = process.argv.slice(2);
const engine = new Engine({ threads: Number(threads) });
const model = await loadScenesModel({ engine });
await model.forward(
  DDTensor.randn(64, [3, 32, 32], RandomKey.fromSeed(0).streams()),
  new Float32Array(64).fill(0.5),
  {},
);
if (recorded !== "nothing-sampled") {
  const environment = new Environment(model, new BrightnessReward(), { steps: 100 });
  await environment.sample(64, { seed: 0, record: recorded === "trajectory" ? ["trajectory"] : [] });
}
console.log(process.resourceUsage().maxRSS / 1000);
await engine.dispose();
