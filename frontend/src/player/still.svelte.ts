/** The last frame of one source, which stands in until the next source has its first. */
export class Still {
  isHeld = $state(false);
  #canvas: HTMLCanvasElement | null = null;

  /** Takes the canvas that covers the video. For `{@attach}`. */
  attach = (canvas: HTMLCanvasElement): void => {
    this.#canvas = canvas;
  };

  hold(video: HTMLVideoElement): void {
    if (!this.#canvas) return;
    this.#canvas.width = video.videoWidth;
    this.#canvas.height = video.videoHeight;
    this.#canvas.getContext("2d")?.drawImage(video, 0, 0);
    this.isHeld = true;
  }

  letGo(): void {
    this.isHeld = false;
  }
}
