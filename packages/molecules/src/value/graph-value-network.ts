import { type Network, type ValueAndGradient, ValueNetwork } from "@diffusiongym/nn";
import { structureInputs } from "../flowmol/index.js";
import type { MoleculeGraph } from "../graph/index.js";

/**
 * A trainable value function of molecular graphs. Its gradient is one in the space of molecules (`MoleculeGraph.fromGradient`): a
 * bond counts once although both directions are stored, and positions move without their centre of mass.
 */
export class GraphValueNetwork extends ValueNetwork<MoleculeGraph, object> {
  /** @param network with the inputs and the output of `graphValue` */
  constructor(network: Network) {
    super({ network, conditioning: (_, { structure }) => structureInputs(structure) });
  }

  override async valueAndGradient(
    x: MoleculeGraph,
    t: Float32Array,
    conditioning: object,
  ): Promise<ValueAndGradient<MoleculeGraph>> {
    const { values, gradient } = await super.valueAndGradient(x, t, conditioning);
    return { values, gradient: x.fromGradient(gradient.tensors()) };
  }
}
