import { type Dimension, floatAttribute, intAttribute, type ValueInfo } from "../ir/index.js";
import type { Application, Differentiation, OpDefinition } from "./definition.js";
import { broadcastShapes, printShape, staticShape } from "./dimensions.js";
import { broadcastType, inputType, requireSameType } from "./inference.js";
import type { OpWriter } from "./op-writer.js";
import { unbroadcast } from "./unbroadcast.js";

/** Two inner lengths fit unless both are numbers and differ. */
const fits = (a: Dimension, b: Dimension): boolean => typeof a === "string" || typeof b === "string" || a === b;

function inferMatMul(node: Application) {
  const type = requireSameType(node);
  const a = inputType(node, 0).shape;
  const b = inputType(node, 1).shape;
  if (a.length === 0 || b.length === 0) {
    node.fail("cannot multiply scalars");
  }
  const left = a.length === 1 ? [1, a[0]!] : a;
  const right = b.length === 1 ? [b[0]!, 1] : b;
  const batch = broadcastShapes([left.slice(0, -2), right.slice(0, -2)]);
  if (!batch || !fits(left[left.length - 1]!, right[right.length - 2]!)) {
    return node.fail(`cannot multiply the shapes ${printShape(a)} and ${printShape(b)}`);
  }
  const rows = a.length === 1 ? [] : [left[left.length - 2]!];
  const columns = b.length === 1 ? [] : [right[right.length - 1]!];
  return [{ type, shape: [...batch, ...rows, ...columns] }];
}

/** The last two axes exchanged. */
function transposeLast(write: OpWriter, x: ValueInfo): ValueInfo {
  const rank = x.shape.length;
  return write.transpose(x, [...Array.from({ length: rank - 2 }, (_, i) => i), rank - 1, rank - 2]);
}

/** All axes but the last as one; `last` is the length that the last axis is known to have, whatever its symbol. */
function asMatrix(write: OpWriter, x: ValueInfo, last: number): ValueInfo {
  return x.shape.length === 2 ? x : write.reshape(x, [-1, last]);
}

// z = a b:  da = dz b^T,  db = a^T dz, summed over broadcast axes.
// Matrices use Gemm, which transposes while it packs instead of copying; a stack of rows times one matrix is a matrix too.
function gradientOfMatMul(node: Differentiation, input: number): ValueInfo | undefined {
  const { write } = node;
  const dz = node.cotangent(0);
  if (!dz) {
    return undefined;
  }
  const [a, b] = [node.input(0), node.input(1)];
  const left = a.shape.length === 1 ? write.unsqueeze(a, [0]) : a;
  const right = b.shape.length === 1 ? write.unsqueeze(b, [1]) : b;
  const rows = a.shape.length === 1 ? write.unsqueeze(dz, [b.shape.length === 1 ? 0 : dz.shape.length - 1]) : dz;
  const gradient = b.shape.length === 1 ? write.unsqueeze(rows, [rows.shape.length]) : rows;
  const weight = right.shape.length === 2 ? staticShape(right.shape) : undefined;
  let result: ValueInfo;
  if (input === 0) {
    result =
      weight && left.shape.length === 2
        ? write.gemm(gradient, right, { transB: true })
        : write.matMul(gradient, transposeLast(write, right));
  } else {
    result = weight
      ? write.gemm(asMatrix(write, left, weight[0]!), asMatrix(write, gradient, weight[1]!), { transA: true })
      : write.matMul(transposeLast(write, left), gradient);
  }
  const [target, vector] = input === 0 ? [left, a.shape.length === 1] : [right, b.shape.length === 1];
  const summed = unbroadcast(write, result, target);
  return vector ? write.reshapeLike(summed, node.input(input)) : summed;
}

// z = alpha A' B' + beta C, with A' and B' transposed if asked:
//   dA = alpha dz B'^T  (or its transpose),  dB = alpha A'^T dz  (or its transpose),  dC = beta dz summed over broadcast axes
function gradientOfGemm(node: Differentiation, input: number): ValueInfo | undefined {
  const { write, attributes } = node;
  const dz = node.cotangent(0);
  if (!dz) {
    return undefined;
  }
  const alpha = floatAttribute(attributes, "alpha", 1);
  const transA = intAttribute(attributes, "transA", 0) !== 0;
  const transB = intAttribute(attributes, "transB", 0) !== 0;
  if (input === 2) {
    return write.mul(unbroadcast(write, dz, node.input(2)), floatAttribute(attributes, "beta", 1));
  }
  const [a, b] = [node.input(0), node.input(1)];
  if (input === 0) {
    return transA
      ? write.gemm(b, dz, { alpha, transA: transB, transB: true })
      : write.gemm(dz, b, { alpha, transB: !transB });
  }
  return transB
    ? write.gemm(dz, a, { alpha, transA: true, transB: transA })
    : write.gemm(a, dz, { alpha, transA: !transA });
}

/** Matrix products. */
export const matmulOps = {
  MatMul: { arity: [2, 2], attributes: [], infer: inferMatMul, gradient: gradientOfMatMul },
  Gemm: {
    arity: [2, 3],
    attributes: ["alpha", "beta", "transA", "transB"],
    infer: (node) => {
      const type = requireSameType(node);
      const oriented = (index: number, attribute: string): readonly Dimension[] => {
        const { shape } = inputType(node, index);
        if (shape.length !== 2) {
          node.fail(`needs matrices and gets the shape ${printShape(shape)}`);
        }
        return intAttribute(node.attributes, attribute, 0) !== 0 ? [shape[1]!, shape[0]!] : shape;
      };
      const a = oriented(0, "transA");
      const b = oriented(1, "transB");
      if (!fits(a[1]!, b[0]!)) {
        node.fail(`cannot multiply the shapes ${printShape(a)} and ${printShape(b)}`);
      }
      const shape = [a[0]!, b[1]!];
      const c = node.inputs[2];
      if (c && broadcastShapes([shape, c.shape])?.length !== 2) {
        broadcastType({ ...node, inputs: [{ type, shape }, c] }, type);
        node.fail(`cannot add the shape ${printShape(c.shape)} to ${printShape(shape)}`);
      }
      return [{ type, shape }];
    },
    gradient: gradientOfGemm,
  },
} satisfies Record<string, OpDefinition>;
