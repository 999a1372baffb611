import { type Graph, type Node, renameNode, typeOf, UniqueNames, type ValueInfo, valueNames } from "../ir/index.js";
import { isFloat } from "../ops/index.js";
import type { Adjoints } from "./adjoints.js";
import { Barriers, StandInWriter } from "./barriers.js";
import { addSecondPass, type SecondPass, type Twin } from "./second-pass.js";
import { type Checkpointing, planSegments } from "./segments.js";

/** What to recompute. */
export interface RecomputationOptions {
  readonly checkpoint: Checkpointing;
  /** The values whose gradients are wanted. */
  readonly wrt: readonly string[];
}

/**
 * Gradient checkpointing (arXiv 1604.06174): the graph is cut into segments; of each but the last only what later segments
 * read is kept, and when the walk back reaches the segment, it is computed a second time.
 *
 * A runtime would undo this in three ways: merge the equal nodes; compute the second time right after the first, because
 * nothing holds it back; put off the gradients of parameters, which nothing waits for, and hold for them all that was
 * computed again. So the second pass reads what is kept through barriers behind the cotangents that come from the segments
 * after, and these cotangents stand behind the gradients of the parameters of those segments.
 *
 * It would also fuse operators of the first pass that it cannot fuse when a derivative reads what is between them, and
 * fused ones round differently. So what the derivative reads in the second pass is read in the first, too: by a barrier in
 * front of the segments that follow.
 */
export class Recomputation {
  /** Continues the graph of both passes. */
  readonly write: StandInWriter;
  readonly #segments: readonly number[];
  readonly #pass: SecondPass;
  readonly #makers = new Map<string, number>();
  readonly #barriers = new Barriers();
  readonly #wrt: ReadonlySet<string>;
  #current: number;
  #arrived: readonly ValueInfo[] = [];

  /** @param graph with types of all values */
  constructor(graph: Graph, { checkpoint, wrt }: RecomputationOptions) {
    this.#wrt = new Set(wrt);
    this.#segments = planSegments(graph, checkpoint);
    this.#current = this.#segments.at(-1) ?? 0;
    this.#pass = addSecondPass(graph, this.#segments);
    this.write = new StandInWriter(
      this.#pass.graph,
      this.#pass.kept.flatMap((kept) => [...kept.keys()]),
    );
    graph.nodes.forEach((node, index) => {
      for (const output of node.outputs) {
        this.#makers.set(output, index);
      }
    });
  }

  /** What the derivative of a node reads in its place. */
  twin(index: number): Twin | undefined {
    return this.#pass.twins.get(index);
  }

  /** To be called before a node is differentiated, from the last to the first. */
  enter(index: number, adjoints: Adjoints): void {
    const { write } = this;
    const segment = this.#segments[index]!;
    if (segment === this.#current) {
      return;
    }
    this.#current = segment;
    const changed = [...adjoints.takeChanged()];
    const isPending = (name: string): boolean => (this.#makers.get(name) ?? Infinity) <= index;
    const finished = changed.filter((name) => this.#wrt.has(name) && !isPending(name));
    const pending = changed.filter(isPending);
    for (const name of pending) {
      const after = finished.map((gradient) => adjoints.get(gradient)!);
      adjoints.set(name, this.#barriers.add(write, adjoints.get(name)!, after));
    }
    adjoints.takeChanged();
    if (pending.length > 0) {
      this.#arrived = pending.map((name) => adjoints.get(name)!);
    }
    for (const [placeholder, source] of this.#pass.kept[segment]!) {
      this.#barriers.define(write.value(placeholder), write.value(source), this.#arrived);
    }
  }

  /** The written graph with the barriers in it. */
  finish(written: Graph): Graph {
    return this.#barriers.build({ ...written, nodes: this.holdFirstPass(written) });
  }

  /** The nodes, with later segments of the first pass reading what is kept behind all that is computed twice for a derivative. */
  private holdFirstPass(written: Graph): Node[] {
    const { originals, graph } = this.#pass;
    const names = new UniqueNames(valueNames(written));
    const read = this.#segments.map((): string[] => []);
    for (const name of new Set(written.nodes.slice(graph.nodes.length).flatMap((node) => node.inputs))) {
      const original = originals.get(name);
      if (original !== undefined) {
        read[this.#segments[this.#makers.get(original)!]!]!.push(original);
      }
    }
    const held = new Map<string, string>();
    const hold = (name: string, reader: number): string => {
      const maker = this.#makers.get(name);
      const segment = maker === undefined ? Infinity : this.#segments[maker]!;
      const after = segment < reader ? read[segment]!.filter((other) => other !== name) : [];
      const type = typeOf(written, name);
      if (after.length === 0 || type === undefined || !isFloat(type.type)) {
        return name;
      }
      let target = held.get(name);
      if (target === undefined) {
        target = names.unique(`${name}:held`);
        held.set(name, target);
        const info = (value: string): ValueInfo => ({ ...typeOf(written, value)!, name: value });
        this.#barriers.redirect(name, target);
        this.#barriers.define({ ...type, name: target }, info(name), after.map(info));
      }
      return target;
    };
    const length = this.#segments.length;
    return written.nodes.map((node, index) =>
      index < length
        ? { ...renameNode(node, (name) => hold(name, this.#segments[index]!)), outputs: node.outputs }
        : node,
    );
  }
}
