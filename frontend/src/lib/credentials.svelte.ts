import { keepToken, keptToken, storageNamed, takeToken, type Browser } from "./admin-token";
import { linkOf } from "./link-token";

/** What the page uploads with: the token of a one-time link, or the admin token. */
export class Credentials {
  token = $state<string | null>(null);
  /** What this device remembers; the admin's, never a link's. */
  remembered = $state<string | null>(null);
  /** The one-time link that the token is of. */
  link = $derived(this.token === null ? null : linkOf(this.token));

  readonly #browser: Browser;
  /** Lives as long as the tab does: a reload does not lose a link, nor what is not to be remembered. */
  readonly #session: Browser["storage"];

  constructor(browser: Browser, session: Browser["storage"]) {
    this.#browser = browser;
    this.#session = session;
    this.read();
  }

  static ofPage(): Credentials {
    const storage = storageNamed("localStorage");
    return new Credentials({ location, history, storage }, storageNamed("sessionStorage"));
  }

  /** Takes the token of the page's address, of this tab, or of this device. */
  read(): void {
    const isGiven = new URLSearchParams(this.#browser.location.hash.slice(1)).get("token");
    const taken = takeToken(this.#browser);
    this.remembered = keptToken(this.#browser.storage);
    this.#use(isGiven ? taken : (keptToken(this.#session) ?? taken));
  }

  enter(token: string, remember: boolean): void {
    if (remember && !linkOf(token)) {
      keepToken(this.#browser.storage, token);
      this.remembered = keptToken(this.#browser.storage);
    }
    this.#use(token);
  }

  /** Goes back from a link to the token that this device remembers. */
  leaveLink(): void {
    this.#use(this.remembered);
  }

  forget(): void {
    keepToken(this.#browser.storage, null);
    this.remembered = null;
    this.#use(null);
  }

  #use(token: string | null): void {
    this.token = token;
    keepToken(this.#session, token === this.remembered ? null : token);
  }
}
