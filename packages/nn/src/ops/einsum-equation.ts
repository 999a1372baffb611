/** What an equation such as `"bij,bjk->bik"` says, with a letter for every axis. */
export interface Equation {
  /** Letters of each operand's axes. */
  readonly operands: readonly string[];
  /** Letters of the result's axes. */
  readonly result: string;
}

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/** Letters that the given ones leave. */
export function unusedLetters(used: string): string[] {
  return [...letters].filter((letter) => !used.includes(letter));
}

/**
 * Reads an equation for operands of given ranks. The axes of an ellipsis get letters of their own, counted from the last; without
 * an arrow the result has the ellipsis and then, in the order of the alphabet, the letters that occur once.
 * @param fail called in words for an equation that does not say anything or does not fit
 */
export function parseEquation(text: string, ranks: readonly number[], fail: (message: string) => never): Equation {
  const [left = "", right, ...rest] = text.replaceAll(/\s/g, "").split("->");
  const terms = left.split(",");
  const valid = (term: string): boolean => /^[a-zA-Z]*(\.\.\.[a-zA-Z]*)?$/.test(term);
  if (rest.length > 0 || ![...terms, right ?? ""].every(valid)) {
    return fail(`has the equation "${text}", which cannot be read`);
  }
  if (terms.length !== ranks.length) {
    return fail(`has ${ranks.length} operands and the equation "${text}" of ${terms.length}`);
  }
  const free = unusedLetters(text);
  const hidden = terms.map((term, i) => {
    const named = term.replace("...", "").length;
    const axes = ranks[i]! - named;
    return axes === 0 || (axes > 0 && term.includes("..."))
      ? axes
      : fail(`gives ${named} letters of the equation "${text}" to an operand of ${ranks[i]} axes`);
  });
  const most = Math.max(0, ...hidden);
  if (most > free.length) {
    return fail(`has an ellipsis of ${most} axes, more than there are letters left in "${text}"`);
  }
  const ellipsis = free.slice(0, most).join("");
  const operands = terms.map((term, i) => term.replace("...", ellipsis.slice(most - hidden[i]!)));
  const all = terms.join("").replaceAll(".", "");
  const once = [...all].filter((letter) => all.indexOf(letter) === all.lastIndexOf(letter)).sort();
  const result = right === undefined ? ellipsis + once.join("") : right.replace("...", ellipsis);
  for (const letter of result) {
    if (
      !operands.some((operand) => operand.includes(letter)) ||
      result.indexOf(letter) !== result.lastIndexOf(letter)
    ) {
      return fail(`has the equation "${text}", whose result has the letter ${letter} twice or out of nowhere`);
    }
  }
  return { operands, result };
}
