// Decisions on their way: kept here until the server has them, so that neither a dead server nor a
// closed page loses one. The server takes the same decision of the same person once, however often
// it is sent.

import { api, renewed, who } from "./common.js";

const KEY = "vindrop-outbox:";
const LONGEST = 30_000;  // milliseconds between two tries

// One key an entry: two tabs that write at once do not overwrite each other.
const read = () => {
  const found = [];
  for (let at = 0; at < localStorage.length; at += 1) {
    const key = localStorage.key(at);
    if (!key.startsWith(KEY)) continue;
    try { found.push(JSON.parse(localStorage.getItem(key))); } catch { /* not ours */ }
  }
  return found.filter(Boolean).sort((one, other) => (one.number < other.number ? -1 : 1));
};
const write = (entry) => localStorage.setItem(KEY + entry.number, JSON.stringify(entry));
const remove = (number) => localStorage.removeItem(KEY + number);
let count = 0;
const next = () =>
  `${String(Date.now()).padStart(15, "0")}-${String(count += 1).padStart(6, "0")}-${Math.random().toString(36).slice(2, 8)}`;
const locked = (name, act) =>
  (navigator.locks ? navigator.locks.request(KEY + name, act) : act());

/** What happens to an outbox: `changed` (how many wait), `kept`, `refused`, `signed-out`. */
export class Outbox extends EventTarget {
  constructor() {
    super();
    this.wait = 1000;
    this.running = false;
    addEventListener("storage", (event) => { if (!event.key || event.key.startsWith(KEY)) this.tell(); });
    // The line is back; or somebody comes back to this tab, and has signed in again meanwhile.
    for (const name of ["online", "focus"]) addEventListener(name, () => this.run());
  }

  get mine() { return read().filter((each) => each.who === who); }

  get others() { return read().filter((each) => each.who !== who); }

  /** Whether a decision on this upload is on its way. */
  has(id) { return read().some((each) => each.id === id); }

  /** Keeps a decision. It is safe once this returns; throws where the browser has no room for it. */
  add(entry) {
    const full = { ...entry, who, number: next() };
    write(full);
    this.tell();
    this.run();
    return full.number;
  }

  /** Takes back what was never sent. False: it may be on its way. */
  drop(number) {
    const entry = read().find((each) => each.number === number);
    if (!entry || entry.tried) return false;
    remove(number);
    this.tell();
    return true;
  }

  tell() { this.dispatchEvent(new CustomEvent("changed", { detail: this.mine.length })); }

  emit(name, detail) { this.dispatchEvent(new CustomEvent(name, { detail })); }

  /** Sends what waits, in order, until nothing does. One tab at a time. */
  async run() {
    if (this.running) { this.wake?.(); return; }
    this.running = true;
    try {
      await locked("sender", async () => {
        for (let entry = this.mine[0]; entry; entry = this.mine[0]) {
          if (!await this.send(entry)) break;
        }
      });
    } finally { this.running = false; }
  }

  /** Sends one. False: stop, somebody must sign in first. */
  async send(entry) {
    write({ ...entry, tried: true });
    try {
      const path = entry.undo ? `/v1/reviews/${entry.id}/undo` : `/v1/reviews/${entry.id}`;
      const said = await api("POST", path, entry.undo ? { after: entry.after } : entry.decision);
      this.settle(entry, said.review.sequence);
      this.wait = 1000;
      this.emit("kept", { entry, said });
      return true;
    } catch (problem) {
      // Somebody signed in anew: once more with that session's token, and only once.
      if (problem.name === "cross-site" && this.renewedFor !== entry.number && await renewed()) {
        this.renewedFor = entry.number;
        return true;
      }
      if (["signed-out", "cross-site", "role-too-low", "key-refused"].includes(problem.name)) {
        this.emit("signed-out", problem);
        return false;
      }
      if (problem.passes) {
        this.emit("waiting", problem);
        await this.pause();
        return true;
      }
      this.settle(entry, null);
      this.emit("refused", { entry, problem });
      return true;
    }
  }

  /** Takes an entry out; what follows it on the same upload comes after it, or falls with it. */
  settle(entry, sequence) {
    for (const each of this.mine) {
      if (each.id !== entry.id || each.number <= entry.number) continue;
      if (sequence === null) remove(each.number);
      else if (each.undo) write({ ...each, after: sequence });
      else write({ ...each, decision: { ...each.decision, after: sequence } });
    }
    remove(entry.number);
    this.tell();
  }

  async pause() {
    const milliseconds = this.wait;
    this.wait = Math.min(this.wait * 2, LONGEST);
    await new Promise((resolve) => { this.wake = resolve; setTimeout(resolve, milliseconds); });
    this.wake = null;
  }
}
