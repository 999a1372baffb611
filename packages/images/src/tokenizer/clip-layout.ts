/** The tokens that CLIP's texts start and end with. */
export const startToken = "<|startoftext|>";
export const endToken = "<|endoftext|>";

/**
 * What `tokenizer.json` of a CLIP holds around its vocabulary: for older repositories, which have the vocabulary and the
 * merges alone.
 * @param vocabulary id of each token
 * @param merges pairs of tokens, the first to be merged first
 */
export function clipLayout(vocabulary: Readonly<Record<string, number>>, merges: readonly string[]): object {
  const added = [startToken, endToken].map((content) => ({
    id: vocabulary[content],
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  }));
  return {
    added_tokens: added,
    normalizer: {
      type: "Sequence",
      normalizers: [
        { type: "NFC" },
        { type: "Replace", pattern: { Regex: "\\s+" }, content: " " },
        { type: "Lowercase" },
      ],
    },
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        {
          type: "Split",
          pattern: {
            Regex:
              "<\\|startoftext\\|>|<\\|endoftext\\|>|'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+",
          },
          behavior: "Removed",
          invert: true,
        },
        { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
      ],
    },
    post_processor: {
      type: "RobertaProcessing",
      sep: [endToken, vocabulary[endToken]],
      cls: [startToken, vocabulary[startToken]],
      trim_offsets: false,
      add_prefix_space: false,
    },
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: "BPE",
      unk_token: endToken,
      continuing_subword_prefix: "",
      end_of_word_suffix: "</w>",
      fuse_unk: false,
      vocab: vocabulary,
      merges,
    },
  };
}
