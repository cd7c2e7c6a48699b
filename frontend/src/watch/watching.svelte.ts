import { untrack } from "svelte";
import { online } from "svelte/reactivity/window";
import { takeFirstStatus } from "../lib/first-status";
import { StatusPoll } from "../lib/status-poll.svelte";
import { titleOf } from "../lib/video-title";
import { Controls } from "../player/controls.svelte";
import { extrasOf } from "../player/extras";
import { Memory } from "../player/memory";
import { Player } from "../player/player.svelte";
import { startTime_s } from "../player/start-time";
import { strings } from "../strings";
import { Pace } from "./pace";

const DEFAULT_RATIO = 16 / 9;

/** A video that is watched: what is known of it, and the player that shows it. */
export class Watching {
  readonly id: string;
  readonly poll: StatusPoll;
  readonly memory: Memory;
  readonly player: Player;
  readonly controls = new Controls();
  /** How long the transcode will still take, in seconds, where that can be told. */
  left_s = $state<number | null>(null);
  readonly #pace = new Pace();

  constructor(id: string, { isEmbedded = false } = {}) {
    this.id = id;
    this.poll = new StatusPoll(id, { streams: true, first: takeFirstStatus(id) });
    this.memory = new Memory(id, { volumeOnly: isEmbedded });
    this.player = new Player(id, this.memory, {
      start_s: startTime_s(location.search),
      autoplay: !isEmbedded,
    });
  }

  /** To be called as a component begins. */
  begin(): void {
    $effect(() => this.poll.start());
    $effect(() => {
      const { phase } = this.view;
      if (phase === "done") untrack(this.player.playAdaptive);
      else if (this.status) untrack(this.player.playOriginal);
    });
    $effect(() => {
      const { view } = this;
      if (view.phase !== "processing") return;
      const { progress } = view.status;
      this.left_s = untrack(() => this.#pace.left_s(progress, performance.now()));
    });
    // Media that does not come may be gone for good.
    $effect(() => {
      if (this.player.disconnected || this.player.broken) untrack(this.poll.ask);
    });
  }

  view = $derived.by(() => this.poll.view);
  phase = $derived(this.view.phase);
  status = $derived("status" in this.view ? this.view.status : null);
  title = $derived(this.status ? titleOf(this.status.filename) : strings.watch.untitled);
  extras = $derived.by(() => extrasOf(this.id, this.status));
  ratio = $derived.by(() => this.player.ratio ?? this.extras.ratio ?? DEFAULT_RATIO);
  left = $derived(this.left_s === null ? null : strings.watch.left(this.left_s));
  isPreparing = $derived(this.phase === "pending" || this.phase === "processing");
  isOffline = $derived.by(
    () => !online.current || !this.view.reachable || this.player.disconnected,
  );
  isGone = $derived(this.phase === "missing" || this.phase === "deleted");
}
