import type { Reward, RewardResult } from "@diffusiongym/core";
import { judgeMolecules } from "../chemistry/index.js";
import { toMolecules, type Vocabulary } from "../formats/index.js";
import type { MoleculeGraph } from "../graph/index.js";
import {
  checkXtbOptions,
  needsHessian,
  relaxMolecules,
  runXtb,
  type XtbOptions,
  type XtbProperty,
} from "../xtb/index.js";
import { checkInvalidReward, type MoleculeRewardOptions } from "./chemistry-rewards.js";
import { collectRewards } from "./collect-rewards.js";

/** Options of the rewards that xTB computes. */
export interface XtbRewardOptions extends MoleculeRewardOptions, XtbOptions {
  /** Move each molecule to the nearest minimum of the force field MMFF94 first; needs openchemlib. @default false */
  readonly relax?: boolean;
}

/**
 * A property that the program xtb computes of each valid molecule with GFN2-xTB, in the positions that the molecule has.
 * Invalid are molecules that `ValidityReward` calls so, those with two atoms closer than 0.4 angstrom, and those whose run
 * failed, took too long, or does not tell the property.
 */
abstract class XtbReward implements Reward<MoleculeGraph, object> {
  readonly #property: XtbProperty;
  readonly #invalidReward: number;
  readonly #vocabulary: Vocabulary | undefined;
  readonly #relax: boolean;
  readonly #xtb: XtbOptions;

  /** @throws ArgumentError when a number is out of range */
  constructor(property: XtbProperty, options: XtbRewardOptions, invalidByDefault: number) {
    const { invalidReward, vocabulary, relax = false, ...xtb } = options;
    checkXtbOptions(xtb);
    this.#property = property;
    this.#invalidReward = checkInvalidReward(invalidReward ?? invalidByDefault);
    this.#vocabulary = vocabulary;
    this.#relax = relax;
    this.#xtb = xtb;
  }

  /** @throws MissingPackageError where xtb, @rdkit/rdkit or (to relax) openchemlib is missing; FileError */
  async evaluate(graph: MoleculeGraph): Promise<RewardResult> {
    const molecules = toMolecules(graph, this.#vocabulary);
    const verdicts = await judgeMolecules(molecules);
    const indices = [...molecules.keys()].filter((i) => verdicts[i]!.valid);
    const valid = indices.map((i) => molecules[i]!);
    const results = await runXtb(this.#relax ? await relaxMolecules(valid) : valid, {
      ...this.#xtb,
      hessian: needsHessian(this.#property),
    });
    const measured = new Array<number | undefined>(molecules.length).fill(undefined);
    for (const [k, i] of indices.entries()) {
      measured[i] = results[k]!.properties?.[this.#property];
    }
    return collectRewards(measured, this.#invalidReward);
  }
}

/** The total energy in hartree: more negative for more and heavier atoms. An invalid molecule gets -500. */
export class EnergyReward extends XtbReward {
  constructor(options: XtbRewardOptions = {}) {
    super("energy", options, -500);
  }
}

/** The energy of the highest occupied molecular orbital in electronvolt. An invalid molecule gets -25. */
export class HomoReward extends XtbReward {
  constructor(options: XtbRewardOptions = {}) {
    super("homo", options, -25);
  }
}

/** The energy of the lowest unoccupied molecular orbital in electronvolt. An invalid molecule gets -25. */
export class LumoReward extends XtbReward {
  constructor(options: XtbRewardOptions = {}) {
    super("lumo", options, -25);
  }
}

/** LUMO - HOMO in electronvolt: larger is harder to excite. An invalid molecule gets 0. */
export class HomoLumoGapReward extends XtbReward {
  constructor(options: XtbRewardOptions = {}) {
    super("homoLumoGap", options, 0);
  }
}

/** The length of the dipole moment in debye. An invalid molecule gets 0. */
export class DipoleMomentReward extends XtbReward {
  constructor(options: XtbRewardOptions = {}) {
    super("dipoleMoment", options, 0);
  }
}

/** The static polarizability in atomic units (bohr^3): larger is softer. An invalid molecule gets 0. */
export class PolarizabilityReward extends XtbReward {
  constructor(options: XtbRewardOptions = {}) {
    super("polarizability", options, 0);
  }
}

/**
 * The heat capacity at constant pressure and 298.15 K in cal/(mol K). It needs second derivatives, many times the work of
 * the others. An invalid molecule gets 0; Debian's xtb 6.5.1 fails on linear molecules, which are invalid then.
 */
export class HeatCapacityReward extends XtbReward {
  constructor(options: XtbRewardOptions = {}) {
    super("heatCapacity", options, 0);
  }
}
