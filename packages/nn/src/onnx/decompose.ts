import {
  type AttributeValue,
  attribute,
  type ConstantTensor,
  constantTensor,
  floatAttribute,
  floatScalar,
  int64Vector,
  intAttribute,
  type Node,
  stringAttribute,
} from "../ir/index.js";

/** What one node of a file becomes: nodes in order, and constants. */
export interface Upgraded {
  readonly nodes: readonly Node[];
  readonly constants: ReadonlyMap<string, ConstantTensor>;
}

/** What an upgrade has to know besides the node. */
export interface UpgradeOptions {
  /** The file's operator set. */
  readonly opset: number;
  /** Makes a value name that the graph does not use. */
  readonly fresh: (base: string) => string;
  /** Makes a node name that the graph does not use. */
  readonly freshNode: (base: string) => string;
}

/** Writes nodes in place of one. */
class Replacement {
  readonly nodes: Node[] = [];
  readonly constants = new Map<string, ConstantTensor>();
  readonly #node: Node;
  readonly #options: UpgradeOptions;

  constructor(node: Node, options: UpgradeOptions) {
    this.#node = node;
    this.#options = options;
  }

  constant(tensor: ConstantTensor): string {
    const name = this.#options.fresh(`${this.#node.outputs[0]}_constant`);
    this.constants.set(name, tensor);
    return name;
  }

  scalar(value: number): string {
    return this.constant(floatScalar(value));
  }

  /** Adds a node and gives the name of its output. */
  add(op: string, inputs: readonly string[], attributes: Readonly<Record<string, AttributeValue>> = {}): string {
    const output = this.#options.fresh(`${this.#node.outputs[0]}_${op.toLowerCase()}`);
    const name = this.#options.freshNode(`${this.#node.name}_${op.toLowerCase()}`);
    this.nodes.push({ op, domain: "", name, inputs, outputs: [output], attributes });
    return output;
  }

  /** The nodes, the last of which makes the output of the node that is replaced. */
  finish(): Upgraded {
    const last = this.nodes.pop()!;
    this.nodes.push({ ...last, name: this.#node.name, outputs: this.#node.outputs });
    return { nodes: this.nodes, constants: this.constants };
  }
}

type Rule = (write: Replacement, node: Node, opset: number) => void;

interface Composite {
  readonly attributes: readonly string[];
  readonly write: Rule;
}

// y = x/2 (1 + erf(x / sqrt 2)), or with "tanh"  y = x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
// The first in the order of operations that runtimes recognise and run as one.
function writeGelu(write: Replacement, { inputs, attributes }: Node): void {
  const x = inputs[0] ?? "";
  if (stringAttribute(attributes, "approximate", "none") === "none") {
    const sum = write.add("Add", [
      write.add("Erf", [write.add("Div", [x, write.scalar(Math.SQRT2)])]),
      write.scalar(1),
    ]);
    write.add("Mul", [write.add("Mul", [x, sum]), write.scalar(0.5)]);
    return;
  }
  const cubed = write.add("Mul", [write.add("Pow", [x, write.scalar(3)]), write.scalar(0.044715)]);
  const inner = write.add("Mul", [write.add("Add", [x, cubed]), write.scalar(Math.sqrt(2 / Math.PI))]);
  const sum = write.add("Add", [write.add("Tanh", [inner]), write.scalar(1)]);
  write.add("Mul", [write.add("Mul", [x, sum]), write.scalar(0.5)]);
}

// h = x normalised over the channels of each group and space; y = scale h + bias, by group before operator set 21, by channel since
function writeGroupNorm(write: Replacement, { inputs, attributes }: Node, opset: number): void {
  const [x = "", scale = "", bias = ""] = inputs;
  const groups = Math.max(1, Math.min(intAttribute(attributes, "num_groups", 1), 2 ** 20));
  const filled = (value: number): string =>
    write.constant(constantTensor("float32", [groups], new Float32Array(groups).fill(value)));
  const grouped = write.add("Reshape", [x, write.constant(int64Vector([0, groups, -1]))]);
  const [groupScale, groupBias] = opset < 21 ? [scale, bias] : [filled(1), filled(0)];
  const epsilon = { epsilon: attribute.float(floatAttribute(attributes, "epsilon", 1e-5)) };
  let y = write.add("InstanceNormalization", [grouped, groupScale, groupBias], epsilon);
  if (opset >= 21) {
    const shape = [write.constant(int64Vector([0])), write.add("Shape", [scale]), write.constant(int64Vector([-1]))];
    const channels = write.add("Reshape", [y, write.add("Concat", shape, { axis: attribute.int(0) })]);
    const column = (vector: string): string => write.add("Unsqueeze", [vector, write.constant(int64Vector([1]))]);
    y = write.add("Add", [write.add("Mul", [channels, column(scale)]), column(bias)]);
  }
  write.add("Reshape", [y, write.add("Shape", [x])]);
}

/** Operators that are read as what they are made of. */
const composites: Readonly<Record<string, Composite>> = {
  Gelu: { attributes: ["approximate"], write: writeGelu },
  // y = x tanh(log(1 + exp(x)))
  Mish: {
    attributes: [],
    write: (write, { inputs: [x = ""] }) => {
      write.add("Mul", [x, write.add("Tanh", [write.add("Softplus", [x])])]);
    },
  },
  GroupNormalization: { attributes: ["epsilon", "num_groups", "stash_type"], write: writeGroupNorm },
};

/** The nodes that an operator is made of, `undefined` for one that is in the table itself. */
export function decompose(node: Node, options: UpgradeOptions): Upgraded | undefined {
  const composite = Object.hasOwn(composites, node.op) ? composites[node.op] : undefined;
  if (!composite || !Object.keys(node.attributes).every((name) => composite.attributes.includes(name))) {
    return undefined;
  }
  const write = new Replacement(node, options);
  composite.write(write, node, options.opset);
  return write.finish();
}
