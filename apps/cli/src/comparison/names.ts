import type { Role } from "../plot/index.js";

/** Short names for pictures. */
const abbreviations: { readonly [method: string]: string } = {
  "value-matching": "VM",
  "offline-value": "offline V",
  "path-weighted-tilt-matching": "PWTM",
  "tilt-matching": "TM",
  "reward-weighted-regression": "RWR",
  "reward-weighted-flow-matching": "RW-FM",
  "reinforce-adjoint-matching": "RAM-B",
  "diffusion-nft": "NFT",
  reinforce: "REINFORCE",
  ddpo: "DDPO",
  "flow-grpo": "GRPO",
  "log-variance": "log-var",
  "adjoint-matching": "AM",
  "efficient-adjoint-matching": "EAM",
  draft: "DRaFT",
  "draft-lv": "DRaFT-LV",
  "align-prop": "AlignProp",
  refl: "ReFL",
  "best-of-n": "best of n",
  "sequential-monte-carlo": "SMC",
  svdd: "SVDD",
  "reward-guidance": "guidance",
};

/** A method's name in a picture. */
export function shortName(method: string): string {
  return abbreviations[method] ?? method;
}

/** Families of methods by what they need, each with a colour. */
const families: readonly { readonly role: Role; readonly label: string; readonly methods: readonly string[] }[] = [
  { role: "base", label: "learns a value", methods: ["value-matching", "offline-value"] },
  {
    role: "adapted",
    label: "regresses on endpoints",
    methods: [
      ...["path-weighted-tilt-matching", "tilt-matching", "reward-weighted-regression"],
      ...["reward-weighted-flow-matching", "reinforce-adjoint-matching", "diffusion-nft"],
    ],
  },
  { role: "reward", label: "learns along paths", methods: ["reinforce", "ddpo", "flow-grpo", "log-variance"] },
  {
    role: "gradient",
    label: "follows the reward's gradient",
    methods: [
      ...["adjoint-matching", "efficient-adjoint-matching"],
      ...["draft", "draft-lv", "align-prop", "refl", "reward-guidance"],
    ],
  },
  { role: "sampler", label: "samples, trains nothing", methods: ["best-of-n", "sequential-monte-carlo", "svdd"] },
];

/** The colour of a method's family. */
export function roleOf(method: string): Role {
  return families.find(({ methods }) => methods.includes(method))?.role ?? "adapted";
}

/** The families for a legend. */
export function familyLegend(): { readonly role: Role; readonly label: string }[] {
  return families.map(({ role, label }) => ({ role, label }));
}
