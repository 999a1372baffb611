// A process of its own that trains the U-Net for three steps and prints its largest resident set in megabytes.
import { Adam, Engine } from "@diffusiongym/nn";
import { inputsOf, network, squares, waves } from "./networks.mjs";

const [batch = 8, threads = 2] = process.argv.slice(2).map(Number);
const engine = new Engine({ threads });
const net = network("unet", engine);
const fit = squares(net);
const adam = new Adam(net.parameters, { learningRate: 1e-4 });
const inputs = inputsOf("unet", batch);
for (let i = 0; i < 3; i++) {
  await fit.run({ ...inputs, target: waves(inputs.x.shape) });
  adam.update(net.gradients);
}
console.log(process.resourceUsage().maxRSS / 1000);
await engine.dispose();
