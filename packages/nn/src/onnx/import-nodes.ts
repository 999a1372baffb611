import {
  type AttributeValue,
  type ConstantTensor,
  type Node,
  type Subgraph,
  type TensorType,
  UniqueNames,
} from "../ir/index.js";
import { readAttribute } from "./attributes.js";
import type { FunctionMessage, GraphMessage, ModelMessage, NodeMessage, TensorMessage } from "./messages.js";
import { withoutHalfPrecision } from "./precision.js";
import { damaged, unsupported } from "./problems.js";
import { type Precision, typeUnder } from "./tensors.js";
import { upgradeNode } from "./upgrade.js";
import { requireOperatorSet, tensorTypeOf } from "./values.js";

/** More nodes than any network has; functions that call functions can claim any number. */
const mostNodes = 250_000;

/** How nodes are read. */
export interface NodeImportOptions {
  readonly precision: Precision;
  /** Gives the tensor that a message stands for. */
  readonly tensor: (message: TensorMessage, what: string) => ConstantTensor;
}

/** Where nodes and constants go: the graph itself, or a body in it. */
interface Sink {
  readonly nodes: Node[];
  readonly initializers: Map<string, ConstantTensor>;
}

/** What names, attributes and versions mean in a list of nodes. */
interface Scope {
  readonly sink: Sink;
  /** Version of ONNX's own operator set. */
  readonly opset: number;
  /** What the names of a function's body are in the graph; `undefined` where they are the graph's own. */
  readonly names: Map<string, string> | undefined;
  /** What the outputs of a function's body are to be called. */
  readonly results: ReadonlyMap<string, string>;
  /** Attributes given to the function. */
  readonly attributes: ReadonlyMap<string, AttributeValue>;
  /** The functions that are being inlined, outermost first. */
  readonly calls: readonly FunctionMessage[];
  /** In front of the names that a function's body makes. */
  readonly prefix: string;
}

/**
 * Reads the nodes of a file: functions are written out, `Constant` nodes become constants, and operators are brought to one
 * form.
 */
export class NodeImporter {
  readonly nodes: Node[] = [];
  readonly initializers = new Map<string, ConstantTensor>();
  /** Module names that an exporter left with a node (PyTorch's), by node name. */
  readonly modules = new Map<string, string>();
  readonly names: UniqueNames;
  readonly nodeNames = new UniqueNames();
  readonly #functions = new Map<string, FunctionMessage>();
  readonly #opset: number;
  readonly #options: NodeImportOptions;
  #count = 0;

  /** @param taken names of values that exist already: inputs and initializers */
  constructor(model: ModelMessage, opset: number, taken: Iterable<string>, options: NodeImportOptions) {
    this.#opset = opset;
    this.#options = options;
    this.names = new UniqueNames(taken);
    for (const definition of model.functions) {
      const key = functionKey(definition.domain, definition.name, definition.overload);
      if (this.#functions.has(key)) {
        damaged(`two functions are called "${definition.name}"`);
      }
      this.#functions.set(key, definition);
    }
  }

  /** Reads the nodes of the graph itself. */
  read(nodes: readonly NodeMessage[]): void {
    for (const { outputs } of nodes) {
      for (const output of outputs) {
        this.names.reserve(output);
      }
    }
    this.#read(nodes, {
      sink: this,
      opset: this.#opset,
      names: undefined,
      results: new Map(),
      attributes: new Map(),
      calls: [],
      prefix: "",
    });
  }

  #read(nodes: readonly NodeMessage[], scope: Scope): void {
    for (const message of nodes) {
      this.#count += 1;
      if (this.#count > mostNodes) {
        unsupported(`it has more than ${mostNodes} nodes when its functions are written out`);
      }
      const definition = this.#functions.get(functionKey(message.domain, message.operator, message.overload));
      const node = this.#node(message, scope);
      if (definition) {
        this.#call(definition, node, scope);
        continue;
      }
      const { nodes: upgraded, constants } = upgradeNode(withoutHalfPrecision(node, this.#options.precision), {
        opset: scope.opset,
        fresh: (base) => this.names.unique(base),
        freshNode: (base) => this.nodeNames.unique(base),
      });
      for (const [name, tensor] of constants) {
        if (name === "" || scope.sink.initializers.has(name)) {
          damaged(name === "" ? `the node "${node.name}" makes nothing` : `the value "${name}" is made twice`);
        }
        scope.sink.initializers.set(name, tensor);
      }
      scope.sink.nodes.push(...upgraded);
    }
  }

  #node(message: NodeMessage, scope: Scope): Node {
    if (message.operator === "") {
      damaged("a node has no operator");
    }
    const index = this.#count - 1;
    const name = this.nodeNames.unique(`${scope.prefix}${message.name || `${message.operator}_${index}`}`);
    const module = message.metadata.find(({ key }) => key === "pkg.torch.onnx.name_scopes")?.value;
    if (module !== undefined) {
      this.modules.set(name, module);
    }
    const what = `the node "${name}" (${message.operator})`;
    const inputs = message.inputs.map((input) => this.#resolve(input, scope, what));
    const attributes: [string, AttributeValue][] = [];
    for (const entry of message.attributes) {
      const value =
        entry.reference === ""
          ? readAttribute(entry, what, {
              tensor: this.#options.tensor,
              graph: (body, part) => this.#body(body, scope, part),
            })
          : scope.attributes.get(entry.reference);
      if (value) {
        attributes.push([entry.name, value]);
      }
    }
    return {
      op: message.operator,
      domain: ownDomain(message.domain),
      name,
      inputs,
      outputs: message.outputs.map((output) => this.#define(output, scope)),
      attributes: Object.fromEntries(attributes),
    };
  }

  #resolve(name: string, { names }: Scope, what: string): string {
    if (name === "" || names === undefined) {
      return name;
    }
    return names.get(name) ?? damaged(`${what} reads "${name}", which nothing makes`);
  }

  #define(name: string, { names, results, prefix }: Scope): string {
    if (name === "" || names === undefined) {
      this.names.reserve(name);
      return name;
    }
    const actual = results.get(name) ?? this.names.unique(`${prefix}${name}`);
    names.set(name, actual);
    return actual;
  }

  /** Writes the body of a function in place of a call of it. */
  #call(definition: FunctionMessage, call: Node, scope: Scope): void {
    if (scope.calls.includes(definition)) {
      damaged(`the function "${definition.name}" calls itself`);
    }
    if (call.inputs.length > definition.inputs.length || call.outputs.length > definition.outputs.length) {
      damaged(`the node "${call.name}" gives or takes more values than the function "${definition.name}" has`);
    }
    const attributes = new Map(Object.entries(call.attributes));
    const names = new Map(definition.inputs.map((name, i) => [name, call.inputs[i] ?? ""]));
    const inner: Scope = {
      sink: scope.sink,
      opset: definition.operatorSets.length > 0 ? requireOperatorSet(definition.operatorSets) : scope.opset,
      names,
      results: new Map(
        definition.outputs.flatMap((name, i) => (call.outputs[i] && !names.has(name) ? [[name, call.outputs[i]]] : [])),
      ),
      attributes,
      calls: [...scope.calls, definition],
      prefix: `${call.name}/`,
    };
    for (const entry of definition.defaults) {
      if (!attributes.has(entry.name)) {
        const readers = {
          tensor: this.#options.tensor,
          graph: (body: GraphMessage) => this.#body(body, inner, entry.name),
        };
        attributes.set(entry.name, readAttribute(entry, `the function "${definition.name}"`, readers));
      }
    }
    this.#read(definition.nodes, inner);
    definition.outputs.forEach((name, i) => {
      const actual = call.outputs[i];
      const made = names.get(name);
      if (actual && made === undefined) {
        damaged(`the function "${definition.name}" does not make its output "${name}"`);
      }
      if (actual && made !== actual) {
        const copy = this.nodeNames.unique(`${call.name}/Identity`);
        scope.sink.nodes.push({
          op: "Identity",
          domain: "",
          name: copy,
          inputs: [made!],
          outputs: [actual],
          attributes: {},
        });
      }
    });
  }

  /** The body of a branch or loop. */
  #body(message: GraphMessage, outer: Scope, what: string): Subgraph {
    if (message.sparseInitializers.length > 0) {
      unsupported(`${what} stores sparse tensors`);
    }
    const sink: Sink = { nodes: [], initializers: new Map() };
    const scope: Scope = {
      ...outer,
      sink,
      names: outer.names && new Map(outer.names),
      results: new Map(),
    };
    const inputs = message.inputs.map(({ name }) => this.#define(name, scope));
    for (const tensor of message.initializers) {
      const name = this.#define(tensor.name, scope);
      if (name === "" || sink.initializers.has(name)) {
        damaged(`${what} has two initializers called "${tensor.name}"`);
      }
      sink.initializers.set(name, this.#options.tensor(tensor, `the initializer "${tensor.name}"`));
    }
    this.#read(message.nodes, scope);
    const outputs = message.outputs.map(({ name }) => this.#resolve(name, scope, what));
    const valueInfo = new Map<string, TensorType>();
    const typed = [
      ...message.inputs.map((value, i) => [value, inputs[i]!] as const),
      ...message.outputs.map((value, i) => [value, outputs[i]!] as const),
    ];
    for (const [value, name] of typed) {
      const type = tensorTypeOf(value);
      if (type) {
        valueInfo.set(name, { ...type, type: typeUnder(this.#options.precision, type.type) });
      }
    }
    return {
      name: message.name || "body",
      inputs: inputs.filter((name) => !sink.initializers.has(name)),
      outputs,
      nodes: sink.nodes,
      initializers: sink.initializers,
      valueInfo,
    };
  }
}

const ownDomain = (domain: string): string => (domain === "ai.onnx" ? "" : domain);

function functionKey(domain: string, name: string, overload: string): string {
  return JSON.stringify([ownDomain(domain), name, overload]);
}
