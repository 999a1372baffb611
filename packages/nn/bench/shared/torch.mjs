import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inputsOf, networks } from "./networks.mjs";

/**
 * Gives the peer the network with the same weights, and makes sure that both sides compute the same.
 *
 * @param {import("../../../../tooling/peers/peer.mjs").Peer} torch
 * @param {import("@diffusiongym/nn").Network} net
 * @param {{ name: keyof typeof networks, batch: number }} options
 */
export async function loadInto(torch, net, { name, batch }) {
  const folder = mkdtempSync(join(tmpdir(), "diffusiongym-"));
  try {
    const weights = join(folder, "weights.safetensors");
    writeFileSync(weights, net.parameters.toSafetensors());
    const { shape, config } = networks[name];
    const { output } = await torch.ask({ do: "load", network: name, weights, batch, shape, ...(config && { config }) });
    const ours = await net.run(inputsOf(name, batch));
    const values = Array.from(Object.values(ours)[0]?.data.subarray(0, output.length) ?? []);
    const largest = Math.max(...values.map(Math.abs), 1e-6);
    const worst = Math.max(...values.map((value, i) => Math.abs(value - output[i]))) / largest;
    console.log(`${name}: the outputs of both sides differ by ${worst.toExponential(1)} of the largest`);
    if (!(worst < 1e-3)) throw new Error(`The two sides of ${name} are not the same network.`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
