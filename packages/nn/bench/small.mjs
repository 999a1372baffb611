/**
 * The networks that methods train beside large models: forward, and forward + backward + Adam, in turns with PyTorch under the
 * same number of threads. The aim is twice PyTorch's speed.
 *
 *     pnpm bench nn small
 */

import { Adam, Engine } from "@diffusiongym/nn";
import { takeTurns, timed } from "../../../tooling/bench/harness.mjs";
import { startTorch } from "../../../tooling/peers/peer.mjs";
import { inputsOf, network, squares, targetOf } from "./shared/networks.mjs";
import { loadInto } from "./shared/torch.mjs";

const threads = Number(process.env.THREADS ?? 2);
const torch = await startTorch({ threads });
for (const [name, batch, calls] of /** @type {const} */ ([
  ["mlp_film", 512, 20],
  ["cnn_value", 64, 10],
])) {
  const engine = new Engine({ threads });
  const net = network(name, engine);
  // The last layer of mlp_film starts as zeros, which would hide what is before it.
  if (net.parameters.has("head.weight")) net.parameters.get("head.weight").data.fill(0.01);
  const inputs = inputsOf(name, batch);
  if (torch) await loadInto(torch, net, { name, batch });
  const frozen = net.freeze();
  const fit = squares(net);
  const adam = new Adam(net.parameters, { learningRate: 1e-4 });
  const feeds = { ...inputs, target: await targetOf(net, inputs) };
  const step = async () => {
    await fit.run(feeds);
    adam.update(net.gradients);
  };
  const peer = (/** @type {string} */ what) =>
    torch && { PyTorch: async () => (await torch.ask({ do: "time", what, calls })).ms };
  const title = `${name}, batch ${batch}, ${threads} threads`;
  const options = { repeats: 31, warmUp: 20 };
  await takeTurns(
    `${title}: forward`,
    {
      frozen: timed(() => frozen.run(inputs), calls),
      "parameters fed": timed(() => net.run(inputs), calls),
      ...peer("forward"),
    },
    options,
  );
  await takeTurns(`${title}: forward, backward and Adam`, { ours: timed(step, calls), ...peer("step") }, options);
  await engine.dispose();
}
await torch?.stop();
