import type { Document, LineCounter } from "yaml";
import { UsageError } from "./usage-error.js";

/** How many values aliases may stand for in a file: settings are short, and nested aliases multiply without limit. */
const maxAliases = 100;

/**
 * The value of a YAML 1.2 document, read with its core schema: no dates, no objects of a programming language.
 * @param where of the file, for messages
 * @throws UsageError with line and column for what is not YAML, a repeated key, a tag of somebody's own, a key that is no text, an
 *   alias that leads nowhere or to itself; and for a second document, or aliases that multiply
 */
export async function parseYaml(text: string, where: string): Promise<unknown> {
  const yaml = await import("yaml");
  const lineCounter = new yaml.LineCounter();
  const document = yaml.parseDocument(text, { prettyErrors: false, lineCounter });
  const [problem] = [...document.errors, ...document.warnings];
  if (problem !== undefined) {
    const what = problem.code === "MULTIPLE_DOCS" ? "a second document begins, and settings are one" : problem.message;
    throw at({ where, lineCounter, offset: problem.pos[0], what });
  }
  refuseOddNodes(yaml, document, { where, lineCounter });
  try {
    return document.toJS({ maxAliasCount: maxAliases });
  } catch (error) {
    throw error instanceof ReferenceError
      ? new UsageError(`${where}: its aliases multiply to more than ${maxAliases} values; write them out.`)
      : error;
  }
}

function refuseOddNodes(
  { isNode, isScalar, visit }: typeof import("yaml"),
  document: Document.Parsed,
  file: { readonly where: string; readonly lineCounter: LineCounter },
): void {
  const refuse = (node: unknown, what: string): UsageError =>
    at({ ...file, offset: (isNode(node) ? node.range?.[0] : undefined) ?? 0, what });
  visit(document, {
    Alias(_, alias, path) {
      const target = alias.resolve(document);
      if (target === undefined) {
        throw refuse(alias, `no anchor &${alias.source} comes before this alias`);
      }
      if (path.includes(target)) {
        throw refuse(alias, `*${alias.source} stands within what it stands for`);
      }
    },
    Pair(_, { key }) {
      if (!isScalar(key)) {
        throw refuse(key, "a setting's name must be a word");
      }
    },
  });
}

interface Place {
  readonly where: string;
  readonly lineCounter: LineCounter;
  readonly offset: number;
  readonly what: string;
}

function at({ where, lineCounter, offset, what }: Place): UsageError {
  const { line, col } = lineCounter.linePos(offset);
  return new UsageError(`${where}: line ${line}, column ${col}: ${what}.`);
}
