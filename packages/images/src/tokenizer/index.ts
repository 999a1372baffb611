export { ClipTokenizer, type EncodedText } from "./clip-tokenizer.js";
export { findTokenizerFiles, loadTokenizer, type TokenizerFiles } from "./load-tokenizer.js";
export { readTokenizer, type TokenizerTexts } from "./read-tokenizer.js";
