import { ArgumentError, nearestName, ShapeError } from "@diffusiongym/core";
import { constantTensor } from "./constants.js";
import type { ConstantTensor, Graph, ValueInfo } from "./types.js";

/**
 * The graph with parameters stored as initializers, which the runtime packs once: the form for inference and for files.
 * @param graph whose parameters are inputs, all or some
 * @param values entries by parameter name, held, not copied; parameters without an entry stay inputs
 * @throws ArgumentError for a name that is not a parameter; ShapeError for a wrong number of entries
 */
export function freeze(graph: Graph, values: ReadonlyMap<string, Float32Array>): Graph {
  const parameters = new Set(graph.parameters);
  const shapes = new Map(graph.inputs.map((input) => [input.name, input]));
  const initializers = new Map(graph.initializers);
  for (const [name, data] of values) {
    requireParameter("freeze", name, parameters);
    const shape = (shapes.get(name) ?? graph.initializers.get(name))!.shape.map((axis) => {
      if (typeof axis === "string") {
        throw new ShapeError(
          `freeze: the parameter "${name}" has the symbolic axis "${axis}"; parameters have fixed shapes.`,
        );
      }
      return axis;
    });
    initializers.set(name, constantTensor("float32", shape, data));
  }
  return { ...graph, inputs: graph.inputs.filter((input) => !values.has(input.name)), initializers };
}

/**
 * The graph with parameters as inputs, fed at every run: the form for training. Read their values first with
 * `parameterValues`.
 * @param graph whose parameters are initializers, all or some
 * @param names the parameters to thaw, by default all
 * @throws ArgumentError for a name that is not a parameter
 */
export function thaw(graph: Graph, names: readonly string[] = graph.parameters): Graph {
  const parameters = new Set(graph.parameters);
  const initializers = new Map(graph.initializers);
  const inputs: ValueInfo[] = [...graph.inputs];
  for (const name of names) {
    requireParameter("thaw", name, parameters);
    const tensor = initializers.get(name);
    if (tensor) {
      initializers.delete(name);
      inputs.push({ name, type: tensor.type, shape: tensor.shape });
    }
  }
  return { ...graph, inputs, initializers };
}

/** The values of the frozen parameters, in parameter order. */
export function parameterValues(graph: Graph): Map<string, ConstantTensor> {
  const values = new Map<string, ConstantTensor>();
  for (const name of graph.parameters) {
    const tensor = graph.initializers.get(name);
    if (tensor) {
      values.set(name, tensor);
    }
  }
  return values;
}

function requireParameter(caller: string, name: string, parameters: ReadonlySet<string>): void {
  if (!parameters.has(name)) {
    const nearest = nearestName(name, parameters);
    throw new ArgumentError(
      `${caller}: "${name}" is not a parameter of the graph${nearest === undefined ? "" : `; did you mean "${nearest}"?`}.`,
      "names",
      name,
    );
  }
}
