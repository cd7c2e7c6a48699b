/** Copies what an input holds. Over plain HTTP there is no clipboard API, but a selection can be copied. */
export async function copyFrom(input: HTMLInputElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(input.value);
    return true;
  } catch {
    input.focus({ preventScroll: true });
    input.select();
    return document.execCommand("copy");
  }
}

/** Copies a text that stands in no field. */
export async function copyText(text: string): Promise<boolean> {
  const field = document.createElement("input");
  field.value = text;
  field.className = "unseen";
  const focused = document.activeElement;
  document.body.append(field);
  try {
    return await copyFrom(field);
  } finally {
    field.remove();
    if (focused instanceof HTMLElement) focused.focus({ preventScroll: true });
  }
}
