import { ArgumentError, type Reward, type RewardResult } from "@diffusiongym/core";
import {
  descriptorsOf,
  type FingerprintOptions,
  type Measurement,
  measureMolecules,
  morganFingerprint,
  qedOf,
  qedProperties,
  tanimoto,
} from "../chemistry/index.js";
import { toMolecules, type Vocabulary } from "../formats/index.js";
import type { MoleculeGraph } from "../graph/index.js";
import { loadRdkit } from "../rdkit/index.js";
import { collectRewards } from "./collect-rewards.js";

/** Options that every reward of molecules has. */
export interface MoleculeRewardOptions {
  /** What an invalid molecule gets, beside being marked as invalid; a finite number. @default each reward's own */
  readonly invalidReward?: number;
  /** What the columns of the graphs mean. @default FlowMol's, with as many elements as the graphs have columns */
  readonly vocabulary?: Vocabulary;
}

/** A number that RDKit computes of each valid molecule. */
abstract class ChemistryReward implements Reward<MoleculeGraph, object> {
  readonly #invalidReward: number;
  readonly #vocabulary: Vocabulary | undefined;

  /** @throws ArgumentError when invalidReward is no finite number */
  constructor({ invalidReward, vocabulary }: MoleculeRewardOptions, invalidByDefault: number) {
    this.#invalidReward = checkInvalidReward(invalidReward ?? invalidByDefault);
    this.#vocabulary = vocabulary;
  }

  /** How a molecule that was read without its hydrogens is measured. */
  protected abstract measurement(): Promise<Measurement<number>> | Measurement<number>;

  /** Molecules that are not valid, or that cannot be measured, are marked. @throws MissingPackageError without @rdkit/rdkit */
  async evaluate(graph: MoleculeGraph): Promise<RewardResult> {
    const measured = await measureMolecules(toMolecules(graph, this.#vocabulary), await this.measurement());
    return collectRewards(measured, this.#invalidReward);
  }
}

/**
 * 1 for a molecule that is valid: RDKit sanitises it with no hydrogens but those that are atoms, and it is one connected
 * piece. An invalid one gets 0. Without unit.
 */
export class ValidityReward extends ChemistryReward {
  constructor(options: MoleculeRewardOptions = {}) {
    super(options, 0);
  }

  protected measurement(): Measurement<number> {
    return () => 1;
  }
}

/**
 * The quantitative estimate of drug-likeness, between 0 and 1 (Bickerton et al., Nature Chemistry 4, 90 (2012)), equal to
 * RDKit's. Without unit; an invalid molecule gets 0.
 */
export class QedReward extends ChemistryReward {
  constructor(options: MoleculeRewardOptions = {}) {
    super(options, 0);
  }

  protected measurement(): Measurement<number> {
    return (scope, molecule) => qedOf(qedProperties(scope, molecule));
  }
}

/**
 * The decadic logarithm of the partition coefficient between octanol and water, by the contributions of Wildman and Crippen
 * (1999): larger is greasier. An invalid molecule gets -10, less than any small molecule has.
 */
export class LogPReward extends ChemistryReward {
  constructor(options: MoleculeRewardOptions = {}) {
    super(options, -10);
  }

  protected measurement(): Measurement<number> {
    return (_, molecule) => descriptorsOf(molecule).CrippenClogP;
  }
}

/** The topological polar surface area in square angstrom (Ertl et al., 2000). An invalid molecule gets 0. */
export class TpsaReward extends ChemistryReward {
  constructor(options: MoleculeRewardOptions = {}) {
    super(options, 0);
  }

  protected measurement(): Measurement<number> {
    return (_, molecule) => descriptorsOf(molecule).tpsa;
  }
}

/** Options of `molecules/similarity`. */
export interface SimilarityRewardOptions extends MoleculeRewardOptions, FingerprintOptions {
  /** The molecule to be like, as SMILES. */
  readonly target: string;
}

/**
 * Tanimoto's similarity of the Morgan fingerprint to that of a target, from 0 to 1. Without unit; an invalid molecule gets 0.
 * Stereochemistry does not count.
 */
export class SimilarityReward extends ChemistryReward {
  readonly #target: string;
  readonly #fingerprint: Required<FingerprintOptions>;
  #targetBits: Promise<Uint8Array> | undefined;

  /** @throws ArgumentError when there is no target, or a number is out of range; evaluate, when the target is no SMILES */
  constructor({ target, radius = 2, bits = 2048, ...options }: SimilarityRewardOptions) {
    super(options, 0);
    if (typeof target !== "string" || target.trim() === "") {
      throw new ArgumentError('target must be the SMILES of a molecule, for example "CCO".', "target", target);
    }
    requireWhole("radius", radius, 0, 10);
    requireWhole("bits", bits, 64, 65_536);
    this.#target = target;
    this.#fingerprint = { radius, bits };
  }

  protected async measurement(): Promise<Measurement<number>> {
    this.#targetBits ??= this.#readTarget().catch((error: unknown) => {
      this.#targetBits = undefined;
      throw error;
    });
    const targetBits = await this.#targetBits;
    return (_, molecule) => tanimoto(morganFingerprint(molecule, this.#fingerprint), targetBits);
  }

  async #readTarget(): Promise<Uint8Array> {
    const rdkit = await loadRdkit("Similarities");
    const bits = await rdkit.use((scope) => {
      const molecule = scope.parse(this.#target);
      return molecule === undefined ? undefined : morganFingerprint(molecule, this.#fingerprint);
    });
    if (bits === undefined) {
      throw new ArgumentError(`target "${this.#target}" is no SMILES that RDKit reads.`, "target", this.#target);
    }
    return bits;
  }
}

/** @throws ArgumentError when it is no finite number */
export function checkInvalidReward(value: number): number {
  if (!Number.isFinite(value)) {
    throw new ArgumentError(`invalidReward must be a finite number, got ${value}.`, "invalidReward", value);
  }
  return value;
}

function requireWhole(name: string, value: number, from: number, to: number): void {
  if (!Number.isInteger(value) || value < from || value > to) {
    throw new ArgumentError(`${name} must be a whole number from ${from} to ${to}, got ${value}.`, name, value);
  }
}
