const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Text as XML and HTML show it, in content and in quoted attributes; what XML cannot hold at all is left out. */
export function escapeXml(text: string): string {
  const allowed = [...text]
    .filter((character) => character >= " " || character === "\n" || character === "\t")
    .join("");
  return allowed.replace(/[&<>"']/g, (character) => entities[character]!);
}
