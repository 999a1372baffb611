import initRDKitModule from "@rdkit/rdkit";

/**
 * @typedef {object} RdkitMolecule a molecule in RDKit's memory
 * @property {() => string} get_smiles
 * @property {() => string} get_json
 * @property {() => boolean} remove_hs_in_place
 * @property {() => void} delete
 *
 * @typedef {object} Rdkit
 * @property {(text: string, details?: string) => RdkitMolecule | null} get_mol
 */

/** RDKit, as far as it is used here. @type {() => Promise<Rdkit>} */
export const loadRdkit = /** @type {any} */ (initRDKitModule);
