export { type FromMoleculesOptions, fromMolecules, toMolecules } from "./graph-molecules.js";
export { flowMolVocabulary, qm9Vocabulary, type Vocabulary, vocabularySizes } from "./vocabulary.js";
