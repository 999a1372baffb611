import { ArgumentError } from "@diffusiongym/core";

/** The shape of a FlowMol network (arXiv 2404.19739), by the names of its configuration files in words. */
export interface FlowMolConfiguration {
  /** Symbols of the atoms, in the order of the channels of `atomTypes`. */
  readonly atoms: readonly string[];
  /** Channels of the formal charge. @default 6, the charges -2 to 3 */
  readonly chargeChannels?: number;
  /** Channels of the bond: none, single, double, triple, aromatic. @default 5 */
  readonly bondChannels?: number;
  /** Width of an atom's scalar features. */
  readonly nodeScalars: number;
  /** Width of an edge's features. */
  readonly edgeScalars: number;
  /** Vectors that an atom carries. */
  readonly vectors: number;
  /** Vectors that every perceptron makes by cross products. 0 leaves the network blind to handedness. */
  readonly crossProducts: number;
  /** Times that positions and edges are updated. */
  readonly updates: number;
  /** Convolutions before every update. @default 1 */
  readonly convolutionsPerUpdate?: number;
  /** Perceptrons of a message. */
  readonly messagePerceptrons: number;
  /** Perceptrons of an atom's update after the messages. */
  readonly nodePerceptrons: number;
  /** Perceptrons of the update of a position. @default 3 */
  readonly positionPerceptrons?: number;
  /** Radial functions of a distance. */
  readonly radialFunctions: number;
  /** Largest centre of a radial function, in angstrom. */
  readonly radialRange: number;
  /** What sums of messages are divided by. @default 100 */
  readonly messageNorm?: number;
  /**
   * Whether positions and edges are updated after the very first convolution, too. The published networks leave that
   * update out and carry its parameters unused; so does this one unless told otherwise. @default false
   */
  readonly updatesAfterFirst?: boolean;
}

/** A configuration with nothing left out. */
export type CompleteFlowMolConfiguration = Required<FlowMolConfiguration>;

const published = {
  nodeScalars: 256,
  edgeScalars: 128,
  vectors: 16,
  crossProducts: 4,
  messagePerceptrons: 3,
  nodePerceptrons: 3,
  radialFunctions: 16,
} as const;

/** The atoms of QM9. */
export const qm9Atoms = ["C", "H", "N", "O", "F"] as const;

/** The atoms of GEOM-drugs. */
export const geomAtoms = [...qm9Atoms, "P", "S", "Cl", "Br", "I"] as const;

/** The network of FlowMol's `qm9_gaussian`: 6 704 640 parameters. */
export const flowMolQm9Configuration: FlowMolConfiguration = {
  ...published,
  atoms: qm9Atoms,
  updates: 8,
  radialRange: 14,
};

/** The network of FlowMol's `geom_gaussian`: 4 257 819 parameters. */
export const flowMolGeomConfiguration: FlowMolConfiguration = {
  ...published,
  atoms: geomAtoms,
  updates: 5,
  radialRange: 12,
};

/**
 * Fills in the defaults.
 * @throws ArgumentError for a width that is no whole number in its range
 */
export function completeConfiguration(given: FlowMolConfiguration): CompleteFlowMolConfiguration {
  const configuration: CompleteFlowMolConfiguration = {
    chargeChannels: 6,
    bondChannels: 5,
    convolutionsPerUpdate: 1,
    positionPerceptrons: 3,
    messageNorm: 100,
    updatesAfterFirst: false,
    ...given,
  };
  const smallest: Partial<Record<keyof FlowMolConfiguration, number>> = {
    chargeChannels: 1,
    bondChannels: 2,
    nodeScalars: 1,
    edgeScalars: 1,
    vectors: 1,
    crossProducts: 0,
    updates: 1,
    convolutionsPerUpdate: 1,
    messagePerceptrons: 1,
    nodePerceptrons: 1,
    positionPerceptrons: 1,
    radialFunctions: 2,
  };
  for (const [name, low] of Object.entries(smallest)) {
    const value = configuration[name as keyof FlowMolConfiguration] as number;
    if (!Number.isSafeInteger(value) || value < low) {
      throw new ArgumentError(`FlowMol: ${name} must be a whole number >= ${low}, got ${value}.`, name, value);
    }
  }
  for (const name of ["radialRange", "messageNorm"] as const) {
    if (!(Number.isFinite(configuration[name]) && configuration[name] > 0)) {
      throw new ArgumentError(
        `FlowMol: ${name} must be a positive number, got ${configuration[name]}.`,
        name,
        configuration[name],
      );
    }
  }
  if (configuration.atoms.length === 0) {
    throw new ArgumentError("FlowMol: name at least one atom.", "atoms", configuration.atoms);
  }
  return configuration;
}
