import { chosenFrom, pickWithHandles, withoutHandles, type Chosen } from "./chosen-files";

/** Takes files from wherever they come: the picker, the camera, a drop, the clipboard. */
export class Chooser {
  /** Whether files are held over the page. */
  isOver = $state(false);
  /** Every element entered on the way fires its own pair of events. */
  #depth = 0;
  readonly #onchosen: (chosen: Chosen) => void;

  constructor(onchosen: (chosen: Chosen) => void) {
    this.#onchosen = onchosen;
  }

  /** Asks with the browser's picker; by this input where the picker gives no handles. */
  pick(input: HTMLInputElement): void {
    const picked = pickWithHandles(input.multiple);
    if (!picked) return input.click();
    void picked.then((files) => files.length > 0 && this.#onchosen({ files, folders: [] }));
  }

  take(input: HTMLInputElement): void {
    const files = withoutHandles(input.files);
    // The same file may be chosen again.
    input.value = "";
    this.#onchosen({ files, folders: [] });
  }

  /** The whole window takes a drop: nobody has to meet the zone. */
  readonly drag = (event: DragEvent): void => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    if (event.type === "dragenter") this.#depth += 1;
    if (event.type === "dragleave") this.#depth -= 1;
    if (event.type === "drop") {
      this.#depth = 0;
      void chosenFrom(event.dataTransfer).then(this.#onchosen);
    }
    this.isOver = this.#depth > 0;
  };

  readonly paste = (event: ClipboardEvent): void => {
    if (!event.clipboardData?.files.length) return;
    event.preventDefault();
    void chosenFrom(event.clipboardData).then(this.#onchosen);
  };
}
