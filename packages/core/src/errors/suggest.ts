import { ArgumentError } from "./kinds.js";

/**
 * The candidate nearest to `name` by edit distance, or `undefined` when none is near enough to be a likely typing error.
 * @param name what was asked for
 * @param candidates what exists
 */
export function nearestName(name: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** The end of a sentence about an unknown name: `; did you mean "x"?`, or a full stop when nothing is near. */
export function didYouMean(name: unknown, candidates: Iterable<string>): string {
  const nearest = nearestName(String(name), candidates);
  return nearest === undefined ? "." : `; did you mean "${nearest}"?`;
}

/**
 * Refuses a word that is not one of those known, for callers without types and for files.
 * @param complaint what the message begins with, before the word: `Unknown reduction`
 * @throws ArgumentError naming the nearest word and all of them
 */
export function requireKnown(complaint: string, word: string, known: readonly string[], argument: string): void {
  if (!known.includes(word)) {
    throw new ArgumentError(
      `${complaint} "${String(word)}"${didYouMean(word, known)} Known are ${known.join(", ") || "none"}.`,
      argument,
      word,
    );
  }
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(previous[j]! + 1, current[j - 1]! + 1, substitution));
    }
    previous = current;
  }
  return previous[b.length]!;
}
