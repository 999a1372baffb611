import type { Options } from "./option.js";

/** A section of a help text: names on the left, what they mean on the right. */
export interface HelpSection {
  readonly title: string;
  readonly rows: readonly (readonly [name: string, meaning: string])[];
}

/** A help text's parts, in the order in which they are shown. */
export interface HelpTexts {
  readonly usage: string;
  readonly summary: string;
  readonly sections: readonly HelpSection[];
  readonly examples: readonly string[];
  /** Paragraphs at the end. */
  readonly notes?: readonly string[];
}

/** The options of a command as a section. */
export function optionSection(title: string, options: Options): HelpSection {
  return {
    title,
    rows: Object.entries(options).map(([name, { short, placeholder, description, shownDefault }]) => [
      `${short === undefined ? "" : `-${short}, `}--${name}${placeholder === undefined ? "" : ` ${placeholder}`}`,
      shownDefault === undefined ? description : `${description} (default ${shownDefault})`,
    ]),
  };
}

/**
 * A help text.
 * @param width columns of the terminal
 */
export function renderHelp({ usage, summary, sections, examples, notes = [] }: HelpTexts, width: number): string {
  const blocks = [
    `Usage: ${usage}`,
    wrap(summary, width).join("\n"),
    ...sections.filter(({ rows }) => rows.length > 0).map((section) => renderSection(section, width)),
    [examples.length === 1 ? "Example:" : "Examples:", ...examples.map((example) => `  ${example}`)].join("\n"),
    ...notes.map((note) => wrap(note, width).join("\n")),
  ];
  return `${blocks.join("\n\n")}\n`;
}

/** A title and its rows. */
export function renderSection({ title, rows }: HelpSection, width: number): string {
  const longest = Math.max(...rows.map(([name]) => name.length));
  const column = Math.min(longest, 28) + 4;
  const lines = rows.flatMap(([name, meaning]) => {
    const wrapped = wrap(meaning, Math.max(24, width - column));
    // A name that is longer than its column has a line to itself.
    const own = name.length + 3 > column ? [`  ${name}`] : [];
    const rest = own.length > 0 ? wrapped : wrapped.slice(1);
    const first = own.length > 0 ? [] : [`  ${name.padEnd(column - 2)}${wrapped[0] ?? ""}`.trimEnd()];
    return [...own, ...first, ...rest.map((line) => `${" ".repeat(column)}${line}`)];
  });
  return [`${title}:`, ...lines].join("\n");
}

/** Lines of at most `width` letters, broken at spaces. */
export function wrap(paragraph: string, width: number): string[] {
  const lines: string[] = [];
  let current = "";
  for (const word of paragraph.split(" ")) {
    if (current !== "" && current.length + 1 + word.length > width) {
      lines.push(current);
      current = word;
    } else {
      current = current === "" ? word : `${current} ${word}`;
    }
  }
  return [...lines, current];
}
