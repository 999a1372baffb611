import { FormatError } from "@diffusiongym/core";
import { Tokenizer } from "@huggingface/tokenizers";
import { clipLayout, endToken, startToken } from "./clip-layout.js";
import { ClipTokenizer } from "./clip-tokenizer.js";

/** What the files of a tokenizer hold: `tokenizer`, or `vocabulary` and `merges`. */
export interface TokenizerTexts {
  /** `tokenizer.json`. */
  readonly tokenizer?: string | undefined;
  /** `vocab.json`, for repositories without `tokenizer.json`. */
  readonly vocabulary?: string | undefined;
  /** `merges.txt`, for repositories without `tokenizer.json`. */
  readonly merges?: string | undefined;
  /** `tokenizer_config.json`: the length of a text and the token that fills. */
  readonly config?: string | undefined;
  /** `special_tokens_map.json`: the token that fills, in older repositories. */
  readonly specialTokens?: string | undefined;
}

type JsonObject = { readonly [name: string]: unknown };

/** Lengths beyond this say that nobody set one. */
const longest = 1e6;

/**
 * Makes a tokenizer from what its files hold.
 * @throws FormatError when they are no tokenizer, or not one whose texts begin and end as CLIP's do
 */
export function readTokenizer(texts: TokenizerTexts): ClipTokenizer {
  const layout = readLayout(texts);
  const config = parseObject(texts.config ?? "{}", "tokenizer_config.json");
  const specialTokens = parseObject(texts.specialTokens ?? "{}", "special_tokens_map.json");
  const { tokenizer, ends } = build(layout, config);
  const padding = [config.pad_token, specialTokens.pad_token, (layout.padding as JsonObject | null)?.pad_token];
  const pad = padding.map(contentOf).find((content) => content !== undefined);
  const padId = pad === undefined ? ends[1] : tokenizer.token_to_id(pad);
  if (padId === undefined) {
    throw refusal(`The token "${pad}", which is to fill short texts, is not in the vocabulary.`);
  }
  const { model_max_length: length } = config;
  return new ClipTokenizer({
    tokenizer,
    padId,
    endId: ends[1],
    maxLength: typeof length === "number" && length >= 2 && length < longest ? Math.floor(length) : 77,
    vocabularySize: 1 + largestId(tokenizer),
    lowercase: JSON.stringify(layout.normalizer ?? null).includes('"Lowercase"'),
  });
}

function readLayout({ tokenizer, vocabulary, merges }: TokenizerTexts): JsonObject {
  if (tokenizer !== undefined) {
    return parseObject(tokenizer, "tokenizer.json");
  }
  if (vocabulary === undefined || merges === undefined) {
    throw refusal("A tokenizer is tokenizer.json, or vocab.json and merges.txt.");
  }
  const ids = parseObject(vocabulary, "vocab.json");
  for (const token of [startToken, endToken]) {
    if (!Number.isInteger(ids[token])) {
      throw refusal(`vocab.json has no token "${token}"; it is of another kind of tokenizer than CLIP's.`);
    }
  }
  const pairs = merges.split(/\r?\n/).filter((line, i) => line !== "" && !(i === 0 && line.startsWith("#version")));
  const wrong = pairs.findIndex((line) => line.split(" ").length !== 2);
  if (wrong >= 0) {
    throw refusal(`merges.txt has "${pairs[wrong]}" where two tokens are needed.`);
  }
  return clipLayout(ids as Record<string, number>, pairs) as JsonObject;
}

/** The tokenizer, and the ids of an empty text: its start and its end. */
function build(layout: JsonObject, config: JsonObject): { tokenizer: Tokenizer; ends: readonly [number, number] } {
  let tokenizer: Tokenizer;
  let empty: readonly number[];
  try {
    tokenizer = new Tokenizer(layout, config);
    empty = tokenizer.encode("").ids;
  } catch (cause) {
    throw refusal(`tokenizer.json is no tokenizer that can be used (${(cause as Error).message}).`);
  }
  const [start, end] = empty;
  if (empty.length !== 2 || !Number.isInteger(start) || !Number.isInteger(end)) {
    throw refusal(
      `tokenizer.json makes ${empty.length} tokens of an empty text; CLIP's tokenizers make two, a start and an end.`,
    );
  }
  return { tokenizer, ends: [start!, end!] };
}

function largestId(tokenizer: Tokenizer): number {
  let largest = 0;
  for (const id of tokenizer.get_vocab(true).values()) {
    largest = Math.max(largest, id);
  }
  return largest;
}

/** The text of a token, which files write as itself or as an object. */
function contentOf(token: unknown): string | undefined {
  const content = typeof token === "object" && token !== null ? (token as JsonObject).content : token;
  return typeof content === "string" ? content : undefined;
}

function parseObject(text: string, file: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw refusal(`${file} is no JSON (${(cause as Error).message}).`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw refusal(`${file} must hold a JSON object.`);
  }
  return value as JsonObject;
}

function refusal(message: string): FormatError {
  return new FormatError(message, "tokenizer");
}
