/** A molecule or a query of RDKit, as far as it is used here; the names are RDKit's own. What a scope made is deleted by it. */
export interface RdkitMolecule {
  get_smiles(details?: string): string;
  get_svg(width?: number, height?: number): string;
  get_svg_with_highlights(details: string): string;
  get_molblock(details?: string): string;
  get_v3Kmolblock(details?: string): string;
  get_json(): string;
  get_inchi(options?: string): string;
  /** A JSON object of numbers by name: `amw`, `tpsa`, `CrippenClogP`, ... */
  get_descriptors(): string;
  /** The bits of a Morgan fingerprint, eight a byte; details: `radius`, `nBits`, ... as JSON. */
  get_morgan_fp_as_uint8array(details?: string): Uint8Array;
  /** One match as JSON: `{"atoms": [...], "bonds": [...]}`, or `{}`. */
  get_substruct_match(query: RdkitMolecule, details?: string): string;
  /** Every match as JSON, a list of the above, or `{}`. */
  get_substruct_matches(query: RdkitMolecule, details?: string): string;
  remove_hs(): string;
  remove_hs_in_place(): boolean;
  add_hs(): string;
  add_hs_in_place(): boolean;
  get_num_atoms(heavyOnly?: boolean): number;
  get_num_bonds(): number;
  get_kekule_form(): string;
  get_aromatic_form(): string;
  set_new_coords(useCoordGen?: boolean): boolean;
  straighten_depiction(minimizeRotation?: boolean): void;
  normalize_depiction(canonicalize?: number, scaleFactor?: number): number;
}

/** An object in the memory of WebAssembly, which no garbage collector frees. */
export interface Deletable {
  delete(): void;
}

/** An instance of RDKit's WebAssembly module, as far as it is used here. */
export interface RdkitModule {
  version(): string;
  get_mol(text: string, details?: string): (RdkitMolecule & Deletable) | null;
  get_qmol(smarts: string): (RdkitMolecule & Deletable) | null;
}
