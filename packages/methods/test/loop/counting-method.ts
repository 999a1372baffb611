import type { Json, Method, MethodState, Metrics } from "@diffusiongym/methods";

/** A method whose state is one number that every iteration transforms, so that any slip in resuming shows. */
export class CountingMethod implements Method {
  readonly name = "counting";
  readonly value = new Float32Array([1]);
  validated = 0;
  iteration = 0;

  constructor(
    readonly iterations: number,
    private readonly factor = 1.5,
    private readonly onIterate: (iteration: number) => void = () => {},
  ) {}

  validate(): void {
    this.validated += 1;
  }

  async iterate(): Promise<Metrics> {
    this.onIterate(this.iteration + 1);
    this.iteration += 1;
    this.value[0] = this.value[0]! * this.factor + this.iteration;
    return { loss: this.value[0]! };
  }

  state(): MethodState {
    return { iteration: this.iteration, arrays: new Map([["value", this.value.slice()]]), values: {} };
  }

  restore({ iteration, arrays }: MethodState): void {
    const saved = arrays.get("value");
    if (saved?.length !== 1) {
      throw new Error("no value");
    }
    this.value.set(saved);
    this.iteration = iteration;
  }

  describe(): { readonly [name: string]: Json } {
    return { factor: this.factor, iterations: this.iterations };
  }

  cite(): string {
    return "";
  }
}
