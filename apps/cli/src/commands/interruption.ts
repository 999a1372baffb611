import { DiffusionGymError } from "@diffusiongym/core";

/** The user pressed Ctrl-C; the message says what was kept and how to go on. Exit code 130. */
export class Interruption extends DiffusionGymError {
  override readonly name = "Interruption";
}
