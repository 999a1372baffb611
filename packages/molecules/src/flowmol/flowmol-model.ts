import {
  type Coefficient,
  checkFinite,
  checkStructure,
  constantNoise,
  type MaybePromise,
  type ModelInput,
  type NoiseSchedule,
  type SampleStreams,
  type SchedulerLike,
  type TrainingPair,
  type TrainLossOptions,
} from "@diffusiongym/core";
import {
  type LossRunOptions,
  type Network,
  NetworkModel,
  type OutputCotangents,
  type OutputRegression,
} from "@diffusiongym/nn";
import { type AlignmentOptions, alignNoise } from "../alignment/index.js";
import { type FeatureSizes, featureNames, MoleculeGraph } from "../graph/index.js";
import { type AtomCountDistribution, type AtomCounts, checkAtomCounts, resolveAtomCounts } from "./atom-counts.js";
import { type FeatureWeights, flowMolLossWeights, type LossFactors, lossOfEach, timeWeights } from "./loss.js";
import { structureInputs } from "./structure-inputs.js";

/** Conditioning of models of molecules. */
export interface MoleculeConditioning {
  /** Atoms of every molecule, one number or one a molecule. @default drawn from the model's distribution, by the seed */
  readonly nAtoms?: AtomCounts;
}

/** Options of `FlowMolModel`. */
export interface FlowMolModelOptions {
  /** A network with the inputs and outputs of `flowMolNetwork`. */
  readonly network: Network;
  /** Symbols of the atom types, in the order of their channels. */
  readonly atoms: readonly string[];
  /** One schedule a feature. */
  readonly scheduler: SchedulerLike;
  /** How likely each number of atoms is. */
  readonly atomCounts: AtomCountDistribution;
  /** Channels of the charges and of the bonds. @default 6 and 5 */
  readonly sizes?: Partial<Omit<FeatureSizes, "atomTypes">>;
  /**
   * Bring noise near its data when training, see `alignNoise`; `false` leaves it as it was drawn. The ODE of a model that was
   * trained so is good sooner, but the endpoint that it predicts is not the score of its path any more: processes with noise
   * then leave the states that it knows. Train without it what is to be sampled or adapted with noise. @default false
   */
  readonly alignment?: boolean | AlignmentOptions;
  /** Noise of the sampling SDE when the user names none. @default none: the probability-flow ODE, as the published models are sampled */
  readonly noiseSchedule?: NoiseSchedule;
  /** Weight of each feature in `trainLoss`. @default those of the published models: 3, 0.4, 1 and 2 */
  readonly lossWeights?: FeatureWeights;
}

/**
 * A flow of molecular graphs (FlowMol, arXiv 2404.19739): noise is standard normal in every feature, positions without their
 * centre of mass, each feature on a schedule of its own, and the network gives E[x1 | x_t]: positions, and the probabilities
 * of atom types, charges and bonds. It is sampled without noise unless the model or the caller says otherwise.
 */
export class FlowMolModel extends NetworkModel<MoleculeGraph, MoleculeConditioning> {
  /** Noise of the sampling SDE when the user names none. */
  override readonly noiseSchedule: NoiseSchedule;
  /** Symbols of the atom types, in the order of their channels. */
  readonly atoms: readonly string[];
  /** How likely each number of atoms is. */
  readonly atomCounts: AtomCountDistribution;
  /** How many numbers describe an atom's type, its charge, and a bond. */
  readonly sizes: FeatureSizes;
  readonly #options: FlowMolModelOptions;

  /** @throws ArgumentError for an impossible distribution of atoms */
  constructor(options: FlowMolModelOptions) {
    const { network, scheduler, atoms, sizes } = options;
    const complete: FeatureSizes = { charges: 6, bonds: 5, ...sizes, atomTypes: atoms.length };
    const atomCounts = checkAtomCounts(options.atomCounts);
    super({
      network,
      scheduler,
      outputType: "endpoint",
      start: (n, streams, { nAtoms }) => drawStart(n, streams, { nAtoms, atomCounts, sizes: complete }),
      conditioning: (_, { structure }) => structureInputs(structure),
    });
    this.noiseSchedule = options.noiseSchedule ?? constantNoise(0);
    this.atoms = [...atoms];
    this.atomCounts = atomCounts;
    this.sizes = complete;
    this.#options = options;
  }

  /**
   * The loss of each molecule: squared errors of positions and cross-entropies of atom types, charges and bonds, each feature
   * with its weight and with alpha / beta of its schedule cut to [0.05, 1.5].
   *
   * Against the published training code: a molecule's mean is taken over its own atoms and bonds, where that code takes one mean over
   * all of the batch; the time's weight multiplies the cross-entropies of its own molecule (there, a broadcast of shapes [N] and
   * [N, 1] multiplies the means); and the prediction has no centre of mass, here as when sampling.
   * @returns shape [n]
   */
  override async trainLoss(
    x1: MoleculeGraph,
    options: TrainLossOptions<MoleculeGraph, MoleculeConditioning> = {},
  ): Promise<Float32Array> {
    const pair = this.trainingPair(x1, options);
    const prediction = options.prediction ?? (await this.forward(pair.xt, pair.t, options.conditioning ?? {}));
    checkStructure(prediction, pair.target, "The prediction");
    checkFinite(prediction, "The prediction");
    return lossOfEach(prediction, pair.target, this.lossFactors(pair.t));
  }

  /** As `BaseModel.trainingPair`; with the option `alignment`, noise that is drawn here is brought near the data. */
  override trainingPair(
    x1: MoleculeGraph,
    options: Omit<TrainLossOptions<MoleculeGraph, MoleculeConditioning>, "prediction"> = {},
  ): TrainingPair<MoleculeGraph> {
    const { alignment = false } = this.#options;
    const { streams, x0, xt } = options;
    if (alignment === false || x0 !== undefined || xt !== undefined || streams === undefined) {
      return super.trainingPair(x1, options);
    }
    checkFinite(x1, "x1");
    const noise = x1.randnLike(streams.fold("x0"));
    return super.trainingPair(x1, { ...options, x0: alignNoise(noise, x1, alignment === true ? {} : alignment) });
  }

  /** Weights of the features, and of the times. */
  lossFactors(t: Float32Array): LossFactors {
    const { lossWeights = flowMolLossWeights } = this.#options;
    return { weights: lossWeights, times: timeWeights(this.scheduler, t) };
  }

  /** As `NetworkModel.regress`, with each bond counted once though both directions are stored. */
  override regress(
    batch: OutputRegression<MoleculeGraph, MoleculeConditioning>,
  ): Promise<{ readonly loss: number; readonly output: MoleculeGraph }> {
    return super.regress({ ...batch, weights: withHalvedBonds(batch.weights) });
  }

  /** As `NetworkModel.vjp`, between gradients in the space of molecules. */
  override async vjp(
    batch: OutputCotangents<MoleculeGraph, MoleculeConditioning>,
  ): Promise<{ readonly output: MoleculeGraph; readonly gradient: MoleculeGraph }> {
    const { output, gradient } = await super.vjp({ ...batch, cotangents: raw(batch.cotangents) });
    return { output, gradient: gradient.fromGradient(gradient.tensors()) };
  }

  /** As `NetworkModel.backward`, for cotangents in the space of molecules. */
  override backward(
    batch: OutputCotangents<MoleculeGraph, MoleculeConditioning> & LossRunOptions,
  ): Promise<{ readonly output: MoleculeGraph }> {
    return super.backward({ ...batch, cotangents: raw(batch.cotangents) });
  }

  override withNetwork(network: Network): FlowMolModel {
    return new FlowMolModel({ ...this.#options, network });
  }

  /** The same model with other options, sharing the network. */
  withOptions(options: Partial<Omit<FlowMolModelOptions, "network">>): FlowMolModel {
    return new FlowMolModel({ ...this.#options, ...options });
  }
}

function raw(cotangents: MoleculeGraph): MoleculeGraph {
  return cotangents.withTensors(cotangents.rawCotangents());
}

function withHalvedBonds(weights: Coefficient): Coefficient {
  const isPerFeature =
    typeof weights === "object" && !(weights instanceof Float32Array || weights instanceof Float64Array);
  const of = (name: string): number | Float32Array | Float64Array =>
    isPerFeature
      ? ((weights as { readonly [part: string]: number | Float32Array | Float64Array })[name] ?? 1)
      : (weights as number);
  const bonds = of("bonds");
  return {
    ...Object.fromEntries(featureNames.map((name) => [name, of(name)])),
    bonds: typeof bonds === "number" ? bonds / 2 : bonds.map((weight) => weight / 2),
  };
}

interface StartOptions {
  readonly nAtoms: AtomCounts | undefined;
  readonly atomCounts: AtomCountDistribution;
  readonly sizes: FeatureSizes;
}

function drawStart(
  n: number,
  streams: SampleStreams,
  { nAtoms, atomCounts, sizes }: StartOptions,
): MaybePromise<ModelInput<MoleculeGraph, MoleculeConditioning>> {
  const counts = resolveAtomCounts(n, nAtoms, { distribution: atomCounts, streams });
  return { x: MoleculeGraph.zeros(counts, sizes).randnLike(streams), conditioning: { nAtoms: counts } };
}
