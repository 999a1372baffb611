/** Nodes and weights of a rule on an interval: the integral of f is about sum_j weights_j f(nodes_j). */
export interface QuadratureRule {
  readonly nodes: Float64Array;
  readonly weights: Float64Array;
}

const rules = new Map<number, QuadratureRule>();

/** Gauss-Legendre rule with `count` nodes on [-1, 1], exact for polynomials of degree 2 count - 1. */
export function gaussLegendre(count: number): QuadratureRule {
  const known = rules.get(count);
  if (known !== undefined) {
    return known;
  }
  const nodes = new Float64Array(count);
  const weights = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    let x = Math.cos((Math.PI * (i + 0.75)) / (count + 0.5));
    let slope = 1;
    for (let newton = 0; newton < 100; newton++) {
      let previous = 1;
      let current = x;
      for (let n = 2; n <= count; n++) {
        [previous, current] = [current, ((2 * n - 1) * x * current - (n - 1) * previous) / n];
      }
      slope = (count * (previous - x * current)) / (1 - x * x);
      const step = current / slope;
      x -= step;
      if (Math.abs(step) < 1e-15) {
        break;
      }
    }
    nodes[count - 1 - i] = x;
    weights[count - 1 - i] = 2 / ((1 - x * x) * slope * slope);
  }
  const rule = { nodes, weights };
  rules.set(count, rule);
  return rule;
}

/**
 * Composite Gauss-Legendre rule between sorted edges.
 * @param edges panel borders, increasing; put one at every kink or jump of the integrand
 * @param count nodes in a panel @default 12
 */
export function panelRule(edges: ArrayLike<number>, count = 12): QuadratureRule {
  const { nodes, weights } = gaussLegendre(count);
  const panels = Math.max(edges.length - 1, 0);
  const rule = { nodes: new Float64Array(panels * count), weights: new Float64Array(panels * count) };
  for (let p = 0; p < panels; p++) {
    const half = (edges[p + 1]! - edges[p]!) / 2;
    const centre = (edges[p + 1]! + edges[p]!) / 2;
    for (let j = 0; j < count; j++) {
      rule.nodes[p * count + j] = centre + half * nodes[j]!;
      rule.weights[p * count + j] = half * weights[j]!;
    }
  }
  return rule;
}

/**
 * Edges of panels that cover [lower, upper], none longer than `longest`, with an edge at each of `breaks` inside.
 */
export function panelEdges(lower: number, upper: number, longest: number, breaks: readonly number[] = []): number[] {
  if (!(upper > lower)) {
    return [];
  }
  const borders = [lower, ...breaks.filter((b) => b > lower && b < upper).sort((a, b) => a - b), upper];
  const edges = [lower];
  for (let i = 1; i < borders.length; i++) {
    const start = borders[i - 1]!;
    const count = Math.max(1, Math.ceil((borders[i]! - start) / longest));
    for (let p = 1; p <= count; p++) {
      edges.push(start + ((borders[i]! - start) * p) / count);
    }
  }
  return edges;
}
