// Normals per second: one long stream, and the noise of batches, where every sample has a stream of its own.
import { DDTensor, RandomKey, Tensor } from "@diffusiongym/core";
import { measure } from "../../../tooling/bench/harness.mjs";

const key = RandomKey.fromSeed(0);

/**
 * @param {string} name
 * @param {number} count normals of one call
 * @param {() => unknown} work
 */
async function rate(name, count, work) {
  const { medianMs, spreadMs } = await measure(name, work);
  const millions = count / medianMs / 1000;
  console.log(`  ${millions.toFixed(1)} ± ${((millions * spreadMs) / medianMs).toFixed(1)} million normals/s`);
}

const million = new Float32Array(2 ** 20);
await rate("one stream, 2^20 normals", million.length, () => key.stream().fillNormal(million));
for (const shape of [
  [4096, 2],
  [4096, 16],
  [64, 3 * 32 * 32],
]) {
  const batch = new DDTensor(Tensor.zeros(shape));
  const streams = key.streams();
  await rate(`randnLike of [${shape.join(", ")}]`, batch.data.length, () => batch.randnLike(streams));
}
