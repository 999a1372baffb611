import { type AnyData, IncompatibleError, RandomKey } from "@diffusiongym/core";
import { Network, type ValueNetwork, type ValueNetworkRequest } from "@diffusiongym/nn";
import { MoleculeGraph } from "../graph/index.js";
import { GraphValueNetwork, graphValue } from "../value/index.js";

/** A message-passing value network of the features that the model's graphs have. */
export async function moleculeValueNetwork({
  baseModel,
  key,
  engine,
  width,
  depth,
  initialValue = 0,
}: ValueNetworkRequest): Promise<ValueNetwork<AnyData, object>> {
  const { x } = await baseModel.sampleP0(1, RandomKey.fromSeed(0).streams(), {});
  if (!(x instanceof MoleculeGraph)) {
    throw new IncompatibleError("The value network of molecules needs batches of MoleculeGraph.");
  }
  const definition = graphValue({
    sizes: x.sizes,
    initialValue,
    ...(width !== undefined && { width }),
    ...(depth !== undefined && { depth }),
  });
  return new GraphValueNetwork(Network.initialize(definition, key, { engine })) as unknown as ValueNetwork<
    AnyData,
    object
  >;
}
