import { FormatError } from "@diffusiongym/core";
import type { Repository } from "../hub/index.js";
import { requireNode } from "../platform/index.js";
import type { ClipTokenizer } from "./clip-tokenizer.js";
import { readTokenizer, type TokenizerTexts } from "./read-tokenizer.js";

/** Names of a tokenizer's files within a repository, by what they hold; those that are not there are missing. */
export type TokenizerFiles = { readonly [role in keyof TokenizerTexts]: string };

/**
 * Finds the files of a tokenizer.
 * @param folder folder within the repository, such as `"tokenizer"`. @default the repository itself
 * @throws LoadingError when neither `tokenizer.json` nor `vocab.json` with `merges.txt` is there
 */
export async function findTokenizerFiles(repository: Repository, folder = ""): Promise<TokenizerFiles> {
  const inside = (file: string): string => (folder === "" ? file : `${folder}/${file}`);
  const found: { -readonly [role in keyof TokenizerFiles]: TokenizerFiles[role] } = {};
  const first = await repository.first([inside("tokenizer.json"), inside("vocab.json")]);
  if (first === inside("tokenizer.json")) {
    found.tokenizer = first;
  } else {
    found.vocabulary = first;
    found.merges = await repository.first([inside("merges.txt")]);
  }
  if (await repository.has(inside("tokenizer_config.json"))) found.config = inside("tokenizer_config.json");
  if (await repository.has(inside("special_tokens_map.json"))) found.specialTokens = inside("special_tokens_map.json");
  return found;
}

/**
 * Loads the tokenizer of a repository: `tokenizer.json`, or `vocab.json` and `merges.txt`; with `tokenizer_config.json` and
 * `special_tokens_map.json` where they are.
 * @param folder folder within the repository, such as `"tokenizer"`. @default the repository itself
 * @throws LoadingError when a file cannot be had; FormatError when they are no tokenizer of CLIP's kind
 */
export async function loadTokenizer(repository: Repository, folder = ""): Promise<ClipTokenizer> {
  const { fs } = requireNode("Loading a tokenizer");
  const files = Object.entries(await findTokenizerFiles(repository, folder)) as [keyof TokenizerTexts, string][];
  const paths = await repository.files(files.map(([, file]) => file));
  const texts = await Promise.all(paths.map((path) => fs.readFile(path, "utf8")));
  try {
    return readTokenizer(Object.fromEntries(files.map(([role], i) => [role, texts[i]])));
  } catch (error) {
    if (error instanceof FormatError) {
      const place = folder === "" ? repository.name : `${folder} of ${repository.name}`;
      throw new FormatError(`The tokenizer in ${place}: ${error.message}`, error.format, paths[0]);
    }
    throw error;
  }
}
