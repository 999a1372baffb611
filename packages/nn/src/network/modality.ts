import type { AnyBaseModel, AnyData, MaybePromise, RandomKey } from "@diffusiongym/core";
import type { Engine } from "../engine/index.js";
import type { ValueNetwork } from "./value-network.js";

/** A value network that somebody wants for a base model. */
export interface ValueNetworkRequest {
  readonly baseModel: AnyBaseModel;
  /** What its parameters are drawn from. */
  readonly key: RandomKey;
  readonly engine: Engine;
  /** Features of a hidden layer. @default what suits the modality */
  readonly width?: number;
  /** Hidden layers. @default what suits the modality */
  readonly depth?: number;
  /** The value of every state at the start. @default 0 */
  readonly initialValue?: number;
}

declare module "@diffusiongym/core" {
  interface ModalityKit {
    /** A value network that suits the modality's data, the same for every state at the start; tools fall back on a multilayer perceptron. */
    readonly valueNetwork?: (request: ValueNetworkRequest) => MaybePromise<ValueNetwork<AnyData, object>>;
  }
}
