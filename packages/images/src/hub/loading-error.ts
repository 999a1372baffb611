import { DiffusionGymError } from "@diffusiongym/core";

/**
 * Why a file could not be had: `offline` (not in the cache, and the network may not be used), `missing` (it does not exist
 * there), `forbidden` (a token or an agreement is needed), `network` (no answer, or cut off too often), `refused` (the
 * server answered with an error), `damaged` (the bytes are not those that were announced).
 */
export type LoadingFailure = "offline" | "missing" | "forbidden" | "network" | "refused" | "damaged";

/** What a `LoadingError` carries. */
export interface LoadingErrorFields {
  readonly failure: LoadingFailure;
  /** What was asked for: a hub id, an address, or a folder. */
  readonly source: string;
  /** The file's name within it. */
  readonly file: string;
  /** Where the file is on the network, or in the folder. */
  readonly address: string;
  /** The server's answer, when there was one. */
  readonly status?: number | undefined;
}

/** A file of a model could not be had. */
export class LoadingError extends DiffusionGymError {
  override readonly name = "LoadingError";
  readonly failure: LoadingFailure;
  readonly source: string;
  readonly file: string;
  readonly address: string;
  readonly status: number | undefined;

  constructor(message: string, fields: LoadingErrorFields) {
    super(message);
    this.failure = fields.failure;
    this.source = fields.source;
    this.file = fields.file;
    this.address = fields.address;
    this.status = fields.status;
  }
}
