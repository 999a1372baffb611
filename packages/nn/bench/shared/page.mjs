// What the browser runs: the same training steps as in Node, on onnxruntime-web's Wasm.
import { Adam, Engine } from "@diffusiongym/nn";
import * as ort from "onnxruntime-web";
import { inputsOf, network, squares, targetOf } from "./networks.mjs";

ort.env.wasm.wasmPaths = `${location.origin}/onnxruntime-web/`;

/**
 * @param {"mlp_film" | "cnn_value"} name
 * @param {{ batch: number, threads: number, repeats: number }} options
 * @returns milliseconds of forward passes and of training steps, one number a run
 */
async function times(name, { batch, threads, repeats }) {
  const engine = new Engine({ threads, runtime: ort });
  const net = network(name, engine);
  const inputs = inputsOf(name, batch);
  const feeds = { ...inputs, target: await targetOf(net, inputs) };
  const fit = squares(net);
  const adam = new Adam(net.parameters, { learningRate: 1e-4 });
  const frozen = net.freeze();
  const work = {
    forward: () => frozen.run(inputs),
    step: async () => {
      await fit.run(feeds);
      adam.update(net.gradients);
    },
  };
  /** @type {Record<string, number[]>} */
  const result = { forward: [], step: [] };
  for (let i = -5; i < repeats; i++) {
    for (const [what, act] of Object.entries(work)) {
      const started = performance.now();
      await act();
      if (i >= 0) result[what]?.push(performance.now() - started);
    }
  }
  await engine.dispose();
  return result;
}

Object.assign(globalThis, { times });
