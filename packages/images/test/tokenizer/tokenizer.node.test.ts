import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ArgumentError, FormatError } from "@diffusiongym/core";
import { LoadingError, Repository } from "@diffusiongym/images";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadFixture } from "../../../../tooling/test/fixtures.js";
import { loadTokenizer, readTokenizer, type TokenizerTexts } from "../../src/tokenizer/index.js";

const golden = await loadFixture<{ texts: string[]; ids: number[][]; masks: number[][] }>(
  "packages/images/test/fixtures/tiny-clip-tokens.json.gz",
);
const folder = fileURLToPath(new URL("../fixtures/tiny-clip", import.meta.url));
const read = (name: string): Promise<string> => readFile(join(folder, name), "utf8");
const tokenizer = await read("tokenizer.json");
const vocabulary = await read("vocab.json");
const merges = await read("merges.txt");
const config = await read("tokenizer_config.json");

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "tokenizer-"));
});
afterAll(() => rm(scratch, { recursive: true }));

describe("the ids of Python's CLIPTokenizer", () => {
  const forms: [string, TokenizerTexts][] = [
    ["tokenizer.json", { tokenizer, config }],
    ["vocab.json and merges.txt", { vocabulary, merges, config }],
  ];
  describe.each(forms)("from %s", (_, texts) => {
    const made = readTokenizer(texts);
    it.each(golden.texts.map((text, i) => [text.slice(0, 40), i] as const))("%j", (_start, i) => {
      const { ids, mask } = made.encode(golden.texts[i]!);
      expect(Array.from(ids)).toEqual(golden.ids[i]);
      expect(Array.from(mask)).toEqual(golden.masks[i]);
    });
  });

  it("counts the tokens that did not fit", () => {
    const made = readTokenizer({ tokenizer, config });
    expect(made.encode("a red bicycle").dropped).toBe(0);
    expect(made.encode("x".repeat(500)).dropped).toBe(500 + 2 - 77);
    const { ids, mask, dropped } = made.encode("9 ".repeat(75));
    expect(dropped).toBe(0);
    expect([ids[76], mask[76]]).toEqual([made.endId, 1]);
  });
});

describe("what fills a short text", () => {
  it("is the token that tokenizer_config.json names, or special_tokens_map.json, or the end", () => {
    const padOf = (texts: TokenizerTexts): string[] => {
      const made = readTokenizer({ vocabulary, merges, ...texts });
      return [String(made.encode("a").ids.at(-1)), String(made.padId)];
    };
    const id = String((JSON.parse(vocabulary) as Record<string, number>)["!"]);
    expect(padOf({ config: '{"pad_token":"!"}', specialTokens: '{"pad_token":"a"}' })).toEqual([id, id]);
    expect(padOf({ specialTokens: '{"pad_token":{"content":"!"}}' })).toEqual([id, id]);
    expect(padOf({})).toEqual(["633", "633"]);
  });

  it("fills up to the length of tokenizer_config.json, or 77", () => {
    const lengthOf = (text: string): number => readTokenizer({ tokenizer, config: text }).encode("a").ids.length;
    expect(lengthOf('{"model_max_length":9}')).toBe(9);
    expect(lengthOf('{"model_max_length":1000000000000000019884624838656}')).toBe(77);
    expect(lengthOf("{}")).toBe(77);
  });
});

describe("loading", () => {
  it("takes what a folder has", async () => {
    await cp(folder, join(scratch, "older", "tokenizer"), { recursive: true });
    await rm(join(scratch, "older", "tokenizer", "tokenizer.json"));
    const older = await loadTokenizer(await Repository.open(join(scratch, "older")), "tokenizer");
    const newer = await loadTokenizer(await Repository.open(folder));
    for (const made of [older, newer]) {
      expect(Array.from(made.encode(golden.texts[2]!).ids)).toEqual(golden.ids[2]);
      expect(made.vocabularySize).toBe(634);
    }
  });

  it("names what is missing, and the folder of what is wrong", async () => {
    const empty = await Repository.open(scratch);
    await expect(loadTokenizer(empty, "tokenizer")).rejects.toThrow(LoadingError);
    await expect(loadTokenizer(empty, "tokenizer")).rejects.toThrow(/tokenizer\.json/);
    await cp(folder, join(scratch, "wrong"), { recursive: true });
    await writeFile(join(scratch, "wrong", "tokenizer.json"), "{]");
    const wrong = await Repository.open(join(scratch, "wrong"));
    await expect(loadTokenizer(wrong)).rejects.toThrow(/The tokenizer in .*wrong.*tokenizer\.json is no JSON/);
  });
});

describe("refusals", () => {
  it.each([
    ["nothing", {}, /tokenizer\.json, or vocab\.json and merges\.txt/],
    ["a vocabulary alone", { vocabulary }, /vocab\.json and merges\.txt/],
    ["an array", { tokenizer: "[]" }, /must hold a JSON object/],
    ["an object of something else", { tokenizer: '{"model": 1}' }, /no tokenizer that can be used/],
    ["a vocabulary of another kind", { vocabulary: '{"a": 0}', merges }, /no token "<\|startoftext\|>"/],
    ["merges that are no pairs", { vocabulary, merges: "a b c" }, /"a b c" where two tokens/],
    ["a filler that is no token", { tokenizer, config: '{"pad_token":"[PAD]"}' }, /"\[PAD\]".*not in the vocabulary/],
    [
      "a tokenizer without start and end",
      { tokenizer: tokenizer.replace(/"post_processor":\{.*?false\}/, '"post_processor":null') },
      /0 tokens of an empty text/,
    ],
  ])("%s", (_, texts: TokenizerTexts, message) => {
    expect(() => readTokenizer(texts)).toThrow(FormatError);
    expect(() => readTokenizer(texts)).toThrow(message);
  });

  it("what is no text", () => {
    expect(() => readTokenizer({ tokenizer }).encode(3 as unknown as string)).toThrow(ArgumentError);
  });
});
