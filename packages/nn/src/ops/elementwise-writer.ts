import { attribute, type ConstantTensor, type ElementType, type ValueInfo } from "../ir/index.js";
import { onnxTypeCode } from "./element-codes.js";
import type { OpName } from "./op-names.js";
import { type EmitOptions, GraphWriter } from "./writer.js";

/** A value of the graph, or a number that becomes a scalar constant of the other operand's type. */
export type Operand = ValueInfo | number;

/** A GraphWriter with a method for each elementwise operator. */
export class ElementwiseWriter extends GraphWriter {
  /** Writes an operator with one output. */
  protected one(op: OpName, inputs: readonly (ValueInfo | undefined)[], options: EmitOptions = {}): ValueInfo {
    return this.emit(op, inputs, options)[0]!;
  }

  #pair(a: Operand, b: Operand): [ValueInfo, ValueInfo] {
    if (typeof a === "number") {
      return typeof b === "number" ? [this.scalar(a), this.scalar(b)] : [this.scalar(a, b.type), b];
    }
    return [a, typeof b === "number" ? this.scalar(b, a.type) : b];
  }

  #isScalar(value: Operand, number: number): boolean {
    if (typeof value === "number") {
      return value === number;
    }
    const tensor: ConstantTensor | undefined = this.constantOf(value);
    return tensor !== undefined && tensor.shape.length === 0 && Number(tensor.data[0]) === number;
  }

  /** a + b */
  add(a: Operand, b: Operand): ValueInfo {
    return this.#isScalar(b, 0) && typeof a !== "number" ? a : this.one("Add", this.#pair(a, b));
  }
  /** a - b */
  sub(a: Operand, b: Operand): ValueInfo {
    return this.#isScalar(b, 0) && typeof a !== "number" ? a : this.one("Sub", this.#pair(a, b));
  }
  /** a b, entry by entry */
  mul(a: Operand, b: Operand): ValueInfo {
    if (this.#isScalar(b, 1) && typeof a !== "number") {
      return a;
    }
    return this.#isScalar(a, 1) && typeof b !== "number" ? b : this.one("Mul", this.#pair(a, b));
  }
  /** a / b */
  div(a: Operand, b: Operand): ValueInfo {
    return this.#isScalar(b, 1) && typeof a !== "number" ? a : this.one("Div", this.#pair(a, b));
  }
  /** a to the power b */
  pow(a: Operand, b: Operand): ValueInfo {
    return this.#isScalar(b, 1) && typeof a !== "number" ? a : this.one("Pow", this.#pair(a, b));
  }
  /** The larger of two, entry by entry. */
  max(a: Operand, b: Operand): ValueInfo {
    return this.one("Max", this.#pair(a, b));
  }
  /** The smaller of two, entry by entry. */
  min(a: Operand, b: Operand): ValueInfo {
    return this.one("Min", this.#pair(a, b));
  }
  /** `yes` where the condition holds, `no` elsewhere. */
  where(condition: ValueInfo, yes: Operand, no: Operand): ValueInfo {
    return this.one("Where", [condition, ...this.#pair(yes, no)]);
  }

  /** a = b, as bool */
  equal(a: Operand, b: Operand): ValueInfo {
    return this.one("Equal", this.#pair(a, b));
  }
  /** a > b, as bool */
  greater(a: Operand, b: Operand): ValueInfo {
    return this.one("Greater", this.#pair(a, b));
  }
  /** a < b, as bool */
  less(a: Operand, b: Operand): ValueInfo {
    return this.one("Less", this.#pair(a, b));
  }
  /** The opposite of a condition. */
  not(a: ValueInfo): ValueInfo {
    return this.one("Not", [a]);
  }

  /** -x */
  neg(x: ValueInfo): ValueInfo {
    return this.one("Neg", [x]);
  }
  /** |x| */
  abs(x: ValueInfo): ValueInfo {
    return this.one("Abs", [x]);
  }
  /** -1, 0 or 1 */
  sign(x: ValueInfo): ValueInfo {
    return this.one("Sign", [x]);
  }
  /** 1 / x */
  reciprocal(x: ValueInfo): ValueInfo {
    return this.one("Reciprocal", [x]);
  }
  /** Square root. */
  sqrt(x: ValueInfo): ValueInfo {
    return this.one("Sqrt", [x]);
  }
  /** e to the power x */
  exp(x: ValueInfo): ValueInfo {
    return this.one("Exp", [x]);
  }
  /** Natural logarithm. */
  log(x: ValueInfo): ValueInfo {
    return this.one("Log", [x]);
  }
  /** Sine. */
  sin(x: ValueInfo): ValueInfo {
    return this.one("Sin", [x]);
  }
  /** Cosine. */
  cos(x: ValueInfo): ValueInfo {
    return this.one("Cos", [x]);
  }
  /** Hyperbolic tangent. */
  tanh(x: ValueInfo): ValueInfo {
    return this.one("Tanh", [x]);
  }
  /** 1 / (1 + exp(-x)) */
  sigmoid(x: ValueInfo): ValueInfo {
    return this.one("Sigmoid", [x]);
  }
  /** log(1 + exp(x)) */
  softplus(x: ValueInfo): ValueInfo {
    return this.one("Softplus", [x]);
  }
  /** Error function. */
  erf(x: ValueInfo): ValueInfo {
    return this.one("Erf", [x]);
  }
  /** max(x, 0) */
  relu(x: ValueInfo): ValueInfo {
    return this.one("Relu", [x]);
  }
  /** x x, entry by entry */
  square(x: ValueInfo): ValueInfo {
    return this.mul(x, x);
  }
  /** The same numbers as another element type. */
  cast(x: ValueInfo, type: ElementType): ValueInfo {
    return x.type === type ? x : this.one("Cast", [x], { attributes: { to: attribute.int(onnxTypeCode[type]) } });
  }
}
