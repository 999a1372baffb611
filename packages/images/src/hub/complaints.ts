import { LoadingError, type LoadingFailure } from "./loading-error.js";
import type { RequestFailure } from "./request.js";

/** What a message about a file says of it. */
export interface Place {
  /** What was asked for: a hub id, an address, or a folder. */
  readonly source: string;
  readonly file: string;
  readonly address: string;
  /** Where to put the file by hand so that it is found; undefined for folders, where the address says it. */
  readonly byHand?: string;
}

/** The file is not in the cache, and the network may not be used or does not answer. */
export function unreachable(place: Place, reason: string, failure: LoadingFailure, status?: number): LoadingError {
  return complain(
    `${place.file} of ${place.source} is not in the cache, and ${reason}. ${remedy(place)}`,
    place,
    failure,
    status,
  );
}

/** There is no such file. */
export function missing(place: Place, alternatives: readonly string[] = []): LoadingError {
  const others = alternatives.length > 0 ? ` (nor ${alternatives.join(", ")})` : "";
  return complain(
    `${place.source} has no ${place.file}${others}; looked at ${place.address}.`,
    place,
    "missing",
    undefined,
  );
}

/** The download failed in a way that is no passing one. */
export function failed(place: Place, error: RequestFailure, hub: boolean, attempts: number): LoadingError {
  const { status, code } = error;
  if (status === 401 || status === 403 || code === "GatedRepo") {
    const advice = hub
      ? "If it is private or asks for an agreement, accept that on its page and set HF_TOKEN to an access token of yours; " +
        "if it should be public, check the spelling, because the hub answers so for what does not exist, too."
      : "The server wants to know who asks, which a plain address cannot tell it.";
    return complain(
      `${place.file} of ${place.source} may not be read: ${error.message} at ${place.address}. ${advice}`,
      place,
      "forbidden",
      status,
    );
  }
  if (status === 404) {
    const what = code === "RevisionNotFound" ? "has no such revision" : "does not exist";
    return complain(
      `${place.source} ${what}: ${error.message} at ${place.address}. Check the spelling.`,
      place,
      "missing",
      status,
    );
  }
  const tries = error.transient && attempts > 1 ? ` after ${attempts} attempts` : "";
  const wait =
    error.retryAfterMs === undefined
      ? ""
      : `, and asks to wait ${Math.ceil(error.retryAfterMs / 1000)} s before the next try`;
  return unreachable(
    place,
    `could not be downloaded${tries}: ${error.message}${wait}`,
    status === undefined ? "network" : "refused",
    status,
  );
}

/** The bytes that arrived are wrong, twice. */
export function damaged(place: Place, what: string): LoadingError {
  return complain(
    `${place.file} of ${place.source} arrived damaged twice: ${what}. Nothing was kept. Something between here and ` +
      `${place.address} changes it (a proxy, a broken mirror); ${place.byHand === undefined ? "" : `get it another way and put it at ${place.byHand}.`}`,
    place,
    "damaged",
    undefined,
  );
}

function remedy({ address, byHand }: Place): string {
  const place = byHand === undefined ? "" : `, and put it at ${byHand}`;
  return (
    `Get it from ${address}${place}; or give a folder that holds the model's files as source. ` +
    "The model images/scenes comes with this package and works now."
  );
}

function complain(message: string, place: Place, failure: LoadingFailure, status: number | undefined): LoadingError {
  const { source, file, address } = place;
  return new LoadingError(message, { failure, source, file, address, ...(status !== undefined && { status }) });
}
