import { Sample } from "@diffusiongym/core";
import { fromMolecules, type Molecule, type MoleculeGraph } from "@diffusiongym/molecules";
import { randomGraph } from "./graphs.js";

/** A finished sample of given molecules; its trajectory, where asked for, goes in a straight line from noise. */
export function sampleOf(
  molecules: readonly Molecule[],
  verdict: { rewards: readonly number[]; valids?: readonly number[]; steps?: number },
): Sample<MoleculeGraph> {
  const { rewards, valids = rewards.map(() => 1), steps } = verdict;
  const end = fromMolecules(molecules);
  const noise = randomGraph(end.structure.atomCounts, 1);
  const trajectory =
    steps === undefined
      ? undefined
      : Array.from({ length: steps + 1 }, (_, k) => end.linearCombination(k / steps, [[1 - k / steps, noise]]));
  return new Sample<MoleculeGraph>({
    sample: end,
    latent: end,
    timesteps: Float32Array.from({ length: (steps ?? 4) + 1 }, (_, k) => k / (steps ?? 4)),
    rewards: Float32Array.from(rewards),
    valids: Uint8Array.from(valids),
    pathCosts: new Float32Array(rewards.length),
    conditioning: {},
    rewardScale: 1,
    seed: 0,
    recorded: trajectory === undefined ? {} : { trajectory },
  });
}
