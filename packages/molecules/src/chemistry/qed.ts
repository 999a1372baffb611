import type { RdkitMolecule, RdkitScope } from "../rdkit/index.js";
import { descriptorsOf } from "./descriptors.js";
import { countAcceptors, countAlerts, countAromaticRings } from "./qed-counts.js";
import { rdkitGraph } from "./rdkit-graph.js";

/** The eight properties of QED, under their names in the paper. */
export interface QedProperties {
  /** Average molecular weight in g/mol. */
  readonly MW: number;
  /** Crippen's logarithm of the octanol-water partition coefficient. */
  readonly ALOGP: number;
  /** Acceptors of hydrogen bonds. */
  readonly HBA: number;
  /** Donors of hydrogen bonds. */
  readonly HBD: number;
  /** Polar surface area in square angstrom. */
  readonly PSA: number;
  /** Rotatable bonds. */
  readonly ROTB: number;
  /** Aromatic rings. */
  readonly AROM: number;
  /** Patterns of unwanted groups that match. */
  readonly ALERTS: number;
}

/** A double sigmoid a + b / (1 + e^-(x - c + d/2)/e) (1 - 1 / (1 + e^-(x - c - d/2)/f)), over its maximum, and a weight. */
interface Desirability {
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
  readonly e: number;
  readonly f: number;
  readonly maximum: number;
  readonly weight: number;
}

/** Supplementary table of Bickerton et al. (2012), with the mean of the weights that carry the most information. */
const desirabilities: Readonly<Record<keyof QedProperties, Desirability>> = {
  MW: row(2.817065973, 392.5754953, 290.7489764, 2.419764353, 49.22325677, 65.37051707, 104.9805561, 0.66),
  ALOGP: row(3.172690585, 137.8624751, 2.534937431, 4.581497897, 0.822739154, 0.576295591, 131.3186604, 0.46),
  HBA: row(2.948620388, 160.4605972, 3.615294657, 4.435986202, 0.290141953, 1.300669958, 148.7763046, 0.05),
  HBD: row(1.618662227, 1010.051101, 0.985094388, 1e-9, 0.713820843, 0.920922555, 258.1632616, 0.61),
  PSA: row(1.876861559, 125.2232657, 62.90773554, 87.83366614, 12.01999824, 28.51324732, 104.5686167, 0.06),
  ROTB: row(0.01, 272.4121427, 2.55837997, 1.565547684, 1.271567166, 2.758063707, 105.4420403, 0.65),
  AROM: row(3.21778897, 957.7374108, 2.274627939, 1e-9, 1.317690384, 0.375760881, 312.337261, 0.48),
  ALERTS: row(0.01, 1199.094025, -0.09002883, 1e-9, 0.185904477, 0.875193782, 417.725314, 0.95),
};

function row(
  ...[a, b, c, d, e, f, maximum, weight]: [number, number, number, number, number, number, number, number]
): Desirability {
  return { a, b, c, d, e, f, maximum, weight };
}

/**
 * The quantitative estimate of drug-likeness: the weighted geometric mean of the desirabilities of the properties
 * (Bickerton et al., Nature Chemistry 4, 90 (2012)).
 * @returns between 0 and 1
 */
export function qedOf(properties: QedProperties): number {
  let [sum, weights] = [0, 0];
  for (const [name, { a, b, c, d, e, f, maximum, weight }] of Object.entries(desirabilities)) {
    const x = properties[name as keyof QedProperties];
    const rise = 1 + Math.exp(-(x - c + d / 2) / e);
    const fall = 1 + Math.exp(-(x - c - d / 2) / f);
    sum += weight * Math.log((a + (b / rise) * (1 - 1 / fall)) / maximum);
    weights += weight;
  }
  return Math.exp(sum / weights);
}

/** The properties of a molecule that was read without its hydrogens, as RDKit's Python package counts them. */
export function qedProperties(scope: RdkitScope, molecule: RdkitMolecule): QedProperties {
  const { amw, CrippenClogP, NumHBD, tpsa, NumRotatableBonds } = descriptorsOf(molecule);
  const graph = rdkitGraph(molecule);
  return {
    MW: amw,
    ALOGP: CrippenClogP,
    HBA: countAcceptors(scope, molecule, graph),
    HBD: NumHBD,
    PSA: tpsa,
    ROTB: NumRotatableBonds,
    AROM: countAromaticRings(graph),
    ALERTS: countAlerts(scope, molecule, graph),
  };
}
