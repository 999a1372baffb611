/** Tags that HTML never closes. */
const voidTags = new Set(["meta", "br", "hr", "img", "link"]);

/**
 * The first thing that is wrong with markup: tags that do not close in order, bare ampersands, attributes without quotes.
 * @returns undefined for well-formed markup
 */
export function markupProblem(markup: string): string | undefined {
  const open: string[] = [];
  const body = markup.replace(/^<!doctype html>/i, "").replaceAll(/<style>[^<]*<\/style>/g, "<style></style>");
  const tag = /<(\/?)([A-Za-z][\w:-]*)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/g;
  let end = 0;
  for (const match of body.matchAll(tag)) {
    const between = body.slice(end, match.index);
    if (/[<>]/.test(between)) {
      return `stray bracket in ${JSON.stringify(between.slice(0, 80))}`;
    }
    if (/&(?!(amp|lt|gt|quot|#39);)/.test(between + (match[3] ?? ""))) {
      return `bare ampersand in ${JSON.stringify(between.slice(0, 80))}`;
    }
    end = match.index + match[0].length;
    const [, slash, name = "", , selfClosing] = match;
    if (slash === "/") {
      const expected = open.pop();
      if (expected !== name) {
        return `</${name}> closes <${expected}>`;
      }
    } else if (selfClosing !== "/" && !voidTags.has(name.toLowerCase())) {
      open.push(name);
    }
  }
  return /[<>]/.test(body.slice(end))
    ? "stray bracket at the end"
    : open.length > 0
      ? `<${open.at(-1)}> is not closed`
      : undefined;
}
