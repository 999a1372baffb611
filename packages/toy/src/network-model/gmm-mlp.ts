import { type BaseModel, MissingPackageError, OptimalTransport } from "@diffusiongym/core";

/** What `toy/gmm-mlp` was trained with; the script that trains it reads this too, so that both agree. */
export const gmmMlpConfig = { inDim: 1, timeDim: 16, condDim: 24, depth: 2, width: 48 } as const;

/**
 * The maker of `toy/gmm-mlp`: `toy/gmm` as a network, a small multilayer perceptron that was trained on samples of the
 * mixture by flow matching and whose parameters come with the package. What a method does to a model that is only
 * approximately right, and may be trained itself, shows here. Its velocity differs from the exact one by a few percent;
 * the README has the number.
 *
 * @throws MissingPackageError when `@diffusiongym/nn` is not installed, which this model needs and the others do not
 */
export async function makeGmmMlp(): Promise<BaseModel> {
  const nn = await loadNetworks();
  const { gmmMlpParameters } = await import("./gmm-mlp-parameters.js");
  const { graph } = nn.mlp(gmmMlpConfig);
  const bytes = Uint8Array.from(atob(gmmMlpParameters), (character) => character.charCodeAt(0));
  return new nn.NetworkModel({
    network: new nn.Network(graph, nn.Parameters.fromSafetensors(bytes)),
    outputType: "velocity",
    scheduler: new OptimalTransport(),
    start: [1],
  });
}

async function loadNetworks(): Promise<typeof import("@diffusiongym/nn")> {
  try {
    return await import("@diffusiongym/nn");
  } catch (cause) {
    const error = new MissingPackageError(
      "toy/gmm-mlp is a network and needs @diffusiongym/nn. Install it with: npm install @diffusiongym/nn onnxruntime-node",
      "@diffusiongym/nn",
    );
    error.cause = cause;
    throw error;
  }
}
