// The photos of this device: kept before they are sent, sent a few at a time, tried again by itself.
import {Problem, session} from "./api.js";
import {sendPhoto} from "./send.js";
import {PassingStore, isFull} from "./store.js";

const AT_ONCE = 3;
const PATIENCE = 120_000;      // milliseconds in which something must happen
const LONGEST_WAIT = 300_000;
// Nobody can send these again with another result: a person has to do something.
export const FINAL = new Set(["bad-request", "empty-photo", "bucket-not-allowed", "object-forbidden", "not-found",
  "method-not-allowed", "object-archived", "photo-too-large", "not-a-photo", "no-vin", "photo-damaged",
  "url-unreadable", "photo-refused", "role-too-low"]);
const ACCESS = new Set(["key-refused", "signed-out", "cross-site"]);

export const isOpen = (item) => item.state === "waiting" || item.state === "sending";
export const midnight = () => new Date().setHours(0, 0, 0, 0);

// Waits longer with each try, at random, so that many phones do not come back at one moment.
export const backoff = (tries) => Math.min(LONGEST_WAIT, 2000 * 2 ** Math.min(tries, 10)) * (0.5 + Math.random() / 2);

async function digestOf(blob) {
  if (!globalThis.crypto?.subtle) return "";
  const hash = await crypto.subtle.digest("SHA-256", await blob.arrayBuffer());
  return [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

const newId = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

export class Queue {
  items = new Map();
  progress = new Map();         // id → {part, loaded, total}
  pausedUntil = 0;              // the service asked for it, or there is no line
  pauseReason = "";
  needsKey = false;
  #passing = new PassingStore();  // what the device had no room for
  #running = new Map();           // id → AbortController
  #limit = AT_ONCE;
  #timer = 0;
  #release = null;
  #locked = false;

  // tell(event, item): "added", "changed", "removed", "progress", "key", "full"; of another tab's
  // doing "found", "gone".
  constructor(store, {limits, lock, tell}) {
    Object.assign(this, {store, limits, lock, tell});
  }

  async start() {
    await this.reload();
    const today = midnight();
    const over = (item) => item.state === "done" && item.at < today && item.decision !== "waiting";
    await this.remove(...[...this.items.values()].filter(over).map((item) => item.id));
    this.drain();
  }

  // What another tab or the service worker has kept meanwhile.
  async reload() {
    const kept = await this.store.all();
    for (const item of kept) {
      const known = this.items.get(item.id);
      if (this.#running.has(item.id) || known?.changes > item.changes) continue;  // it was changed here since
      if (item.state === "sending" && this.#locked) item.state = "waiting";  // broke off with its page
      this.items.set(item.id, Object.assign(known ?? {}, item));
      this.tell("found", this.items.get(item.id));
    }
    const ids = new Set(kept.map((item) => item.id));
    for (const item of this.items.values()) {
      if (!item.kept || ids.has(item.id) || this.#running.has(item.id)) continue;
      this.items.delete(item.id);
      this.tell("gone", item);
    }
  }

  async add(file, {name, reference, thumb}) {
    const fresh = {
      id: newId(), name, type: file.type, size: file.size, at: Date.now(), reference, thumb, state: "waiting",
      tries: 0, nextAt: 0, problem: null, object: null, reading: null, vin: "", confirmedAt: 0, kept: true, changes: 0,
      digest: file.size > this.limits.inline && file.size <= this.limits.most ? await digestOf(file) : "",
    };
    await this.#keepNew(fresh, file);
    const item = this.items.get(fresh.id) ?? fresh;  // a look into the store may have found it first
    this.items.set(item.id, item);
    this.tell("added", item);
    this.drain();
    return item;
  }

  async #keepNew(item, file) {
    try {
      await this.store.add(item, file);
    } catch (error) {
      if (!isFull(error)) throw error;
      const sent = [...this.items.values()].filter((each) => each.state === "done").map((each) => each.id);
      await this.store.dropBlobs(...sent);
      try {
        await this.store.add(item, file);
      } catch {
        item.kept = false;
        await this.#passing.add(item, file);
        this.tell("full", item);
      }
    }
  }

  #storeOf = (item) => item.kept ? this.store : this.#passing;

  blob(item) { return this.#storeOf(item).blob(item.id); }

  async change(item, fields, event = "changed") {
    Object.assign(item, fields, {changes: item.changes + 1});
    if (!this.items.has(item.id)) return;  // removed meanwhile
    try {
      await this.#storeOf(item).put(item);
    } catch (error) {
      if (!isFull(error)) throw error;
      this.tell("full", item);  // it is known here, and sent again after a reload: not paid twice
    }
    this.tell(event, item);
  }

  async remove(...ids) {
    for (const id of ids) {
      this.#running.get(id)?.abort(new DOMException("", "AbortError"));
      const item = this.items.get(id);
      this.items.delete(id);
      if (item) this.tell("removed", item);
    }
    if (ids.length) await this.store.remove(...ids);
  }

  retry(item) {
    this.pausedUntil = 0;
    return this.change(item, {state: "waiting", nextAt: 0}).then(() => this.drain());
  }

  resume() {
    this.pausedUntil = 0;
    this.needsKey = false;
    for (const item of this.items.values()) if (item.state === "waiting" && ACCESS.has(item.problem?.name)) item.nextAt = 0;
    this.drain();
  }

  // The line is back: what failed for it need not wait any longer.
  online() {
    if (this.pauseReason === "offline") this.pausedUntil = 0;
    for (const item of this.items.values())
      if (item.state === "waiting" && ["offline", "upload-failed", "timeout"].includes(item.problem?.name)) item.nextAt = 0;
    this.drain();
  }

  waiting() { return [...this.items.values()].filter(isOpen); }

  // ---- sending ------------------------------------------------------------------------------
  drain() {
    clearTimeout(this.#timer);
    if (!this.waiting().length) return this.#unlock();
    if (!this.#locked) return this.#takeLock();
    if (this.needsKey) return undefined;
    const now = Date.now();
    const due = [...this.items.values()].filter((item) => item.state === "waiting" && !this.#running.has(item.id))
      .sort((one, other) => one.at - other.at);
    if (now >= this.pausedUntil) {
      for (const item of due.filter((each) => each.nextAt <= now)) {
        if (this.#running.size >= this.#limit) break;
        this.#run(item);
      }
    }
    const next = Math.min(...due.filter((item) => !this.#running.has(item.id)).map((item) => item.nextAt));
    const wait = Math.max(next, this.pausedUntil) - Date.now();
    if (Number.isFinite(wait) && this.#running.size < this.#limit)
      this.#timer = setTimeout(() => this.drain(), Math.min(Math.max(wait, 50), LONGEST_WAIT));
    return undefined;
  }

  // One tab sends at a time; the service worker only while no tab does.
  #takeLock() {
    if (this.#release) return;
    this.#release = () => {};  // it is asked for
    const held = () => new Promise((resolve) => {
      this.#release = resolve;
      this.#locked = true;
      this.reload().catch(() => {}).then(() => this.drain());
    });
    if (navigator.locks) navigator.locks.request(this.lock, held).catch(() => this.#unlock());
    else held();
  }

  #unlock() {
    if (!this.#locked || this.#running.size) return;
    this.#locked = false;
    const release = this.#release;
    this.#release = null;
    release();
  }

  async #run(item) {
    const stop = new AbortController();
    this.#running.set(item.id, stop);
    let timer = 0;
    const patience = () => {
      clearTimeout(timer);
      timer = setTimeout(() => stop.abort(new DOMException("", "TimeoutError")), PATIENCE);
    };
    const tell = (part, loaded, total) => {
      patience();
      this.progress.set(item.id, {part, loaded, total});
      this.tell("progress", item);
    };
    patience();
    try {
      await this.change(item, {state: "sending"});
      await session();  // before a photo is read into memory for nothing
      const blob = await this.blob(item);
      if (!blob) throw new Problem({name: "photo-damaged", detail: "this device has lost the photo"});
      tell("uploading", 0, blob.size);
      const keep = (fields) => this.change(item, fields);
      const reading = await sendPhoto(item, blob, {limits: this.limits, tell, keep, signal: stop.signal});
      await this.change(item, {state: "done", reading, problem: null, sentAt: Date.now(), vin: "", confirmedAt: 0});
      this.#limit = Math.min(AT_ONCE, this.#limit + 1);
      this.pausedUntil = 0;
    } catch (error) {
      if (this.items.has(item.id)) await this.#failed(item, error);
    } finally {
      clearTimeout(timer);
      this.#running.delete(item.id);
      this.progress.delete(item.id);
      this.drain();
    }
  }

  async #failed(item, error) {
    const problem = error instanceof Problem ? error.fields : {name: "unknown", detail: String(error)};
    const {name} = problem;
    if (FINAL.has(name)) return this.change(item, {state: "refused", problem});
    if (ACCESS.has(name)) {
      this.needsKey = true;
      await this.change(item, {state: "waiting", problem: name === "key-refused" ? problem : null});
      return this.tell("key", item);
    }
    const tries = item.tries + 1;
    const wait = Math.max(backoff(tries), (problem.wait || 0) * 1000);
    if (name === "too-many-requests") this.#limit = 1;
    if (problem.wait || name === "offline") {  // it is not about this photo: the others wait as well
      this.pausedUntil = Math.max(this.pausedUntil, Date.now() + (problem.wait ? problem.wait * 1000 : wait));
      this.pauseReason = name;
    }
    return this.change(item, {state: "waiting", tries, nextAt: Date.now() + wait, problem});
  }
}
