/** What a file is called where people read it: its name without the extension, as the server has it in links. */
export function titleOf(filename: string): string {
  const [, stem, extension = ""] = /^(.*)\.([0-9A-Za-z]{1,5})$/s.exec(filename) ?? [];
  const title = stem !== undefined && /[A-Za-z]/.test(extension) ? stem : filename;
  return title.trim() === "" ? filename || "video" : title;
}
