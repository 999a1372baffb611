export type { ConformerOptions } from "./conformer.js";
export { type FromMoleculesOptions, fromMolecules, toMolecules } from "./graph-molecules.js";
export { readMolblock, type TitledMolecule, writeMolblock } from "./molblock.js";
export { readSdf, type SdfEntry, writeSdf } from "./sdf.js";
export { fromSmiles, type ToSmilesOptions, toSmiles } from "./smiles.js";
export { flowMolVocabulary, qm9Vocabulary, type Vocabulary, vocabularySizes } from "./vocabulary.js";
export { readXyz, writeXyz, type XyzFrame } from "./xyz.js";
