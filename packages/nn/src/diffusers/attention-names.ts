/** Parts of an attention block by their names until diffusers 0.16. */
const renamed: Readonly<Record<string, string>> = {
  query: "to_q",
  key: "to_k",
  value: "to_v",
  proj_attn: "to_out.0",
};

/** A parameter's present name: the attention of old checkpoints has other ones. */
export function presentName(name: string): string {
  return name.replace(
    /(?<=(^|\.)attentions\.\d+\.)(query|key|value|proj_attn)(?=\.(weight|bias)$)/,
    (part) => renamed[part]!,
  );
}
