import {
  ArgumentError,
  type BinaryOp,
  checkReduction,
  DiffusionData,
  elementwise,
  type Reduction,
  resolveIndex,
  resolveSlice,
  type SampleStreams,
  ShapeError,
  Tensor,
  type UnaryOp,
} from "@diffusiongym/core";
import { copyUpperToLower, meanOfDirections, removeCentre, scaled } from "./constraints.js";
import {
  bondsIndex,
  type FeatureName,
  type FeatureSizes,
  featureNames,
  type MoleculeGraphFields,
  rowOffsetsOf,
} from "./features.js";
import { type GraphStructure, graphStructure, sameStructure } from "./structure.js";

/**
 * A batch of fully connected molecular graphs of any sizes in flat arrays: coordinates, and logits of atom types, formal
 * charges and bonds (FlowMol, arXiv 2404.19739).
 *
 * As a vector space, a molecule has one variable for each pair of atoms and kind of bond, though both directions are
 * stored: noise is equal in both, sums and norms count each pair once, and positions move without their centre of mass.
 * With that, 1/2 |u|^2 is the cost of control of the process that is simulated. Gradients in this space are made by
 * `fromGradient`.
 */
export class MoleculeGraph extends DiffusionData<MoleculeGraph> {
  readonly length: number;
  /** Coordinates in Angstrom, shape [V, 3]. */
  readonly positions: Tensor<Float32Array>;
  /** Logits of the atom types, shape [V, A]. */
  readonly atomTypes: Tensor<Float32Array>;
  /** Logits of the formal charges, shape [V, C]. */
  readonly charges: Tensor<Float32Array>;
  /** Logits of the kinds of bond, shape [E, B]. */
  readonly bonds: Tensor<Float32Array>;

  /**
   * @param structure which atoms and edges belong to which molecule
   * @param tensors positions [V, 3], atomTypes [V, A], charges [V, C], bonds [E, B]
   * @throws ShapeError when a tensor has another number of rows, or is no matrix
   */
  constructor(
    readonly structure: GraphStructure,
    tensors: readonly Tensor[],
  ) {
    super();
    this.length = structure.atomCounts.length;
    if (tensors.length !== featureNames.length) {
      throw new ShapeError(
        `MoleculeGraph: ${featureNames.join(", ")} are needed; ${tensors.length} tensors were given.`,
      );
    }
    const atoms = structure.nodeOffsets[this.length]!;
    const edges = structure.edgeOffsets[this.length]!;
    for (const [k, name] of featureNames.entries()) {
      const { shape } = tensors[k]!;
      const rows = name === "bonds" ? edges : atoms;
      const columns = name === "positions" ? 3 : shape[1];
      if (shape.length !== 2 || shape[0] !== rows || shape[1] !== columns) {
        throw new ShapeError(
          `MoleculeGraph: ${name} has shape [${shape.join(", ")}]; [${rows}, ${columns ?? "columns"}] is needed for ` +
            `${this.length} molecules of ${atoms} atoms and ${edges} directed edges.`,
          [rows, columns ?? 1],
          shape,
        );
      }
    }
    const [positions, atomTypes, charges, bonds] = tensors.map(elementwise.toFloat);
    this.positions = positions!;
    this.atomTypes = atomTypes!;
    this.charges = charges!;
    this.bonds = bonds!;
  }

  /** Molecules of the given sizes, every number 0. */
  static zeros(atomCounts: ArrayLike<number>, sizes: FeatureSizes): MoleculeGraph {
    const structure = graphStructure(atomCounts);
    const atoms = structure.nodeOffsets.at(-1)!;
    return new MoleculeGraph(structure, [
      Tensor.zeros([atoms, 3]),
      Tensor.zeros([atoms, sizes.atomTypes]),
      Tensor.zeros([atoms, sizes.charges]),
      Tensor.zeros([structure.edgeSources.length, sizes.bonds]),
    ]);
  }

  /**
   * A batch from its features.
   * @throws ShapeError when a feature does not fit the numbers of atoms
   */
  static from(fields: MoleculeGraphFields): MoleculeGraph {
    const tensors = featureNames.map((name) => {
      const feature = fields[name];
      return feature instanceof Tensor ? feature : Tensor.from(feature);
    });
    return new MoleculeGraph(graphStructure(fields.atomCounts), tensors);
  }

  /**
   * Joins batches in order.
   * @throws ShapeError when their features differ in size
   */
  static collate(items: readonly MoleculeGraph[]): MoleculeGraph {
    const first = items[0];
    if (first === undefined) {
      throw new ArgumentError(
        "MoleculeGraph.collate: there is nothing to join; give at least one batch.",
        "items",
        items,
      );
    }
    const counts = Int32Array.from(items.flatMap((item) => Array.from(item.structure.atomCounts)));
    const tensors = featureNames.map((name) => {
      const columns = first[name].shape[1]!;
      const rows = items.reduce((sum, item) => sum + item[name].shape[0]!, 0);
      const data = new Float32Array(rows * columns);
      let offset = 0;
      for (const item of items) {
        if (item[name].shape[1] !== columns) {
          throw new ShapeError(
            `MoleculeGraph.collate: ${name} of ${columns} and of ${item[name].shape[1]} columns cannot be joined.`,
            first[name].shape,
            item[name].shape,
          );
        }
        data.set(item[name].data, offset);
        offset += item[name].size;
      }
      return new Tensor(data, [rows, columns]);
    });
    return new MoleculeGraph(graphStructure(counts), tensors);
  }

  /** How many numbers describe an atom's type, its charge, and a bond. */
  get sizes(): FeatureSizes {
    return { atomTypes: this.atomTypes.shape[1]!, charges: this.charges.shape[1]!, bonds: this.bonds.shape[1]! };
  }

  at(index: number): MoleculeGraph {
    const resolved = resolveIndex(this.length, index);
    return this.slice(resolved, resolved + 1);
  }

  slice(start?: number, end?: number): MoleculeGraph {
    const [from, to] = resolveSlice(this.length, start, end);
    if (from === 0 && to === this.length) {
      return this.clone();
    }
    const structure = graphStructure(this.structure.atomCounts.subarray(from, to));
    return new MoleculeGraph(
      structure,
      this.tensors().map((tensor, k) => {
        const offsets = this.rowOffsets(k);
        return tensor.slice(offsets[from], offsets[to]);
      }),
    );
  }

  override take(indices: ArrayLike<number>): MoleculeGraph {
    const chosen = Array.from(indices, (index) => resolveIndex(this.length, index));
    const structure = graphStructure(chosen.map((index) => this.structure.atomCounts[index]!));
    const tensors = this.tensors().map((tensor, k) => {
      const columns = tensor.shape[1]!;
      const offsets = this.rowOffsets(k);
      const taken = rowOffsetsOf(structure, k);
      const data = new Float32Array(taken[chosen.length]! * columns);
      for (const [i, index] of chosen.entries()) {
        data.set(tensor.data.subarray(offsets[index]! * columns, offsets[index + 1]! * columns), taken[i]! * columns);
      }
      return new Tensor(data, [taken[chosen.length]!, columns]);
    });
    return new MoleculeGraph(structure, tensors);
  }

  apply(op: UnaryOp): MoleculeGraph {
    return new MoleculeGraph(this.structure, this.tensors().map(op));
  }

  /** @throws ShapeError when the molecules of the two batches differ in size */
  combine(other: MoleculeGraph, op: BinaryOp): MoleculeGraph {
    if (!sameStructure(this.structure, other.structure)) {
      throw new ShapeError(
        `MoleculeGraph: molecules of [${shown(this)}] and of [${shown(other)}] atoms cannot be combined; ` +
          "both batches need the same sizes in the same order.",
        Array.from(this.structure.atomCounts),
        Array.from(other.structure.atomCounts),
      );
    }
    const others = other.tensors();
    return new MoleculeGraph(
      this.structure,
      this.tensors().map((tensor, k) => op(tensor, others[k]!)),
    );
  }

  /** Over all features of a molecule, each bond counted once: the mean weighs every number of every atom and pair alike. */
  aggregate(reduction: Reduction = "mean"): Float32Array {
    checkReduction(reduction);
    const tensors = this.tensors();
    return Float32Array.from({ length: this.length }, (_, i) => {
      let [sum, count] = [0, 0];
      for (const [k, tensor] of tensors.entries()) {
        const offsets = this.rowOffsets(k);
        const columns = tensor.shape[1]!;
        const weight = k === bondsIndex ? 0.5 : 1;
        const end = offsets[i + 1]! * columns;
        let part = 0;
        for (let j = offsets[i]! * columns; j < end; j++) {
          part += tensor.data[j]!;
        }
        sum += weight * part;
        count += weight * (end - offsets[i]! * columns);
      }
      return reduction === "mean" ? sum / count : sum;
    });
  }

  override tensors(): Tensor<Float32Array>[] {
    return [this.positions, this.atomTypes, this.charges, this.bonds];
  }

  override partNames(): readonly FeatureName[] {
    return featureNames;
  }

  override rowOffsets(index: number): Int32Array {
    return rowOffsetsOf(this.structure, index);
  }

  /**
   * Standard normal noise of the same structure: positions without their centre of mass, both directions of a bond equal.
   * Molecule i draws from its own stream only: positions, atom types, charges, then the upper edges.
   */
  override randnLike(streams: SampleStreams): MoleculeGraph {
    const tensors = this.tensors();
    const noise = tensors.map((tensor) => new Float32Array(tensor.size));
    for (let i = 0; i < this.length; i++) {
      const stream = streams.at(i);
      for (const [k, tensor] of tensors.entries()) {
        const offsets = this.rowOffsets(k);
        const columns = tensor.shape[1]!;
        const [from, to] = [offsets[i]! * columns, offsets[i + 1]! * columns];
        stream.fillNormal(noise[k]!, from, k === bondsIndex ? (from + to) / 2 : to);
      }
    }
    removeCentre(noise[0]!, this.structure);
    copyUpperToLower(noise[bondsIndex]!, this.bonds.shape[1]!, this.structure);
    return this.withTensors(noise.map((data, k) => new Tensor(data, tensors[k]!.shape)));
  }

  /** The same molecules with their centre of mass, every atom weighing alike, moved to the origin. */
  centred(): MoleculeGraph {
    const [positions, ...others] = this.tensors();
    const moved = positions!.clone();
    removeCentre(moved.data, this.structure);
    return this.withTensors([moved, ...others]);
  }

  /** The same molecules with the mean of its two directions as the numbers of each bond. */
  symmetrised(): MoleculeGraph {
    const bonds = this.bonds.clone();
    meanOfDirections(bonds.data, bonds.shape[1]!, this.structure);
    return this.withTensors([this.positions, this.atomTypes, this.charges, bonds]);
  }

  /**
   * The gradient, in the space of molecules of this structure, of a function whose derivative in every stored number is
   * known. A bond's entry is the sum of those of its two directions, in both; positions lose their mean. So
   * `f.fromGradient(d).mul(direction).aggregate("sum")` is the slope of f along any direction that `randnLike` can draw.
   * @param derivatives of one scalar a molecule, in the shapes of `tensors()`
   */
  fromGradient(derivatives: readonly Tensor[]): MoleculeGraph {
    const [positions, atomTypes, charges, bonds] = derivatives.map((tensor) => elementwise.toFloat(tensor).clone());
    const gradient = this.withTensors([positions!, atomTypes!, charges!, scaled(bonds!, 2)]);
    removeCentre(gradient.positions.data, this.structure);
    meanOfDirections(gradient.bonds.data, gradient.bonds.shape[1]!, this.structure);
    return gradient;
  }

  /**
   * What a network's vector-Jacobian product takes when this is the cotangent of its output: the derivative of
   * `this.mul(output).aggregate("sum")` in every stored number of the output. `fromGradient` takes back what it gives.
   */
  rawCotangents(): Tensor<Float32Array>[] {
    return [this.positions, this.atomTypes, this.charges, scaled(this.bonds, 0.5)];
  }
}

function shown(graph: MoleculeGraph): string {
  const { atomCounts } = graph.structure;
  return `${Array.from(atomCounts.subarray(0, 8)).join(", ")}${atomCounts.length > 8 ? ", ..." : ""}`;
}
