/** A file that a person chose; with a handle, it can be read again after a reload. */
export interface ChosenFile {
  file: File;
  handle: FileSystemFileHandle | null;
}

/** What came by a drop or a paste. */
export interface Chosen {
  files: ChosenFile[];
  /** Their names; what is in them is not looked at. */
  folders: string[];
}

/** What Chromium has beyond TypeScript's own description of browsers. */
type Permission = (wanted: { mode: "read" }) => Promise<PermissionState>;
interface HandleWithPermission extends FileSystemFileHandle {
  queryPermission?: Permission;
  requestPermission?: Permission;
}
interface ItemWithHandle extends DataTransferItem {
  getAsFileSystemHandle?: () => Promise<FileSystemHandle | null>;
}
interface WindowWithPicker extends Window {
  showOpenFilePicker?: (options: { multiple: boolean }) => Promise<FileSystemFileHandle[]>;
}

/** Asks with the browser's own picker that gives handles; null where it has none. */
export function pickWithHandles(multiple: boolean): Promise<ChosenFile[]> | null {
  const { showOpenFilePicker } = window as WindowWithPicker;
  if (!showOpenFilePicker) return null;
  const picked = showOpenFilePicker({ multiple }).then((handles) =>
    Promise.all(handles.map(async (handle) => ({ file: await handle.getFile(), handle }))),
  );
  // Closing the picker chooses nothing.
  return picked.catch(() => []);
}

export const withoutHandles = (files: Iterable<File> | null | undefined): ChosenFile[] =>
  [...(files ?? [])].map((file) => ({ file, handle: null }));

/** Takes what was dropped or pasted. All is asked of it before the first wait: it is empty after that. */
export async function chosenFrom(data: DataTransfer): Promise<Chosen> {
  const items = [...data.items].filter(({ kind }) => kind === "file");
  const asked = items.map((item: ItemWithHandle) => ({
    entry: item.webkitGetAsEntry(),
    file: item.getAsFile(),
    handle: item.getAsFileSystemHandle?.().catch(() => null) ?? Promise.resolve(null),
  }));
  const chosen: Chosen = { files: [], folders: [] };
  for (const { entry, file, handle } of asked) {
    if (entry?.isDirectory) chosen.folders.push(entry.name);
    else if (file) chosen.files.push({ file, handle: fileHandle(await handle) });
  }
  return chosen;
}

function fileHandle(handle: FileSystemHandle | null): FileSystemFileHandle | null {
  return handle?.kind === "file" ? (handle as FileSystemFileHandle) : null;
}

/** The file again, if it is still there and may be read; `ask` may show the browser's question. */
export async function fileOf(handle: FileSystemFileHandle, ask: boolean): Promise<File | null> {
  const { queryPermission, requestPermission }: HandleWithPermission = handle;
  const wanted = { mode: "read" } as const;
  try {
    let permission = (await queryPermission?.call(handle, wanted)) ?? "granted";
    if (permission === "prompt" && ask) {
      permission = (await requestPermission?.call(handle, wanted)) ?? "denied";
    }
    return permission === "granted" ? await handle.getFile() : null;
  } catch {
    return null;
  }
}
