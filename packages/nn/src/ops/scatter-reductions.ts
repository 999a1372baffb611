import { stringAttribute, type ValueInfo } from "../ir/index.js";
import type { Differentiation } from "./definition.js";

/** How an operator that writes at indices reads and writes. */
export interface Scattering {
  /** Entries of a tensor of the result's shape at the indices, in the shape of the updates. */
  gather(value: ValueInfo): ValueInfo;
  /** Updates written into a base at the indices. */
  scatter(base: ValueInfo, updates: ValueInfo, reduction: "none" | "add" | "mul"): ValueInfo;
}

/**
 * What scattering passes back to the tensor x that it writes into (input 0) and to the updates u (input 2), at indices i:
 *   "none"  y = x with u written:      dx = dy with zeros at i,  du = dy at i  (indices must not repeat, as ONNX demands)
 *   "add"   y_j = x_j + sum u:         dx = dy,  du = dy at i
 *   "mul"   y_j = x_j times all u:     dx = dy times all u,  du = (dy times x and the other u) at i.  Where an entry is 0 only
 *           this first derivative is right.
 *   "max", "min"  y_j = the largest or smallest of x_j and all u:  dy shared equally among those that attain it.
 */
export function gradientOfScatter(
  node: Differentiation,
  input: number,
  { gather, scatter }: Scattering,
): ValueInfo | undefined {
  const { write } = node;
  const dy = node.cotangent(0);
  const reduction = stringAttribute(node.attributes, "reduction", "none");
  if (!dy || (reduction === "add" && input === 0)) {
    return dy;
  }
  const [x, updates] = [node.input(0), node.input(2)];
  switch (reduction) {
    case "none":
      return input === 2 ? gather(dy) : scatter(dy, write.zerosLike(updates), "none");
    case "add":
      return gather(dy);
    case "mul": {
      if (input === 0) {
        return write.mul(dy, scatter(write.fullLike(x, 1), updates, "mul"));
      }
      const isZero = write.equal(updates, 0);
      const counted = write.cast(isZero, updates.type);
      const nonzero = write.where(isZero, 1, updates);
      const otherZeros = write.sub(gather(scatter(write.zerosLike(x), counted, "add")), counted);
      const others = write.div(gather(write.mul(dy, scatter(x, nonzero, "mul"))), nonzero);
      return write.where(write.equal(otherZeros, 0), others, 0);
    }
    case "max":
    case "min": {
      const y = node.output(0);
      const attains = (value: ValueInfo, result: ValueInfo): ValueInfo =>
        write.cast(write.equal(value, result), value.type);
      const [ofBase, ofUpdates] = [attains(x, y), attains(updates, gather(y))];
      const share = write.div(dy, write.max(scatter(ofBase, ofUpdates, "add"), 1));
      return input === 0 ? write.mul(share, ofBase) : write.mul(gather(share), ofUpdates);
    }
    default:
      return node.refuse(`the reduction "${reduction}" has no derivative here`);
  }
}
