// What this device has taken today, newest first: each photo's progress, VIN and verdict.
import {button, byId, copyText, element} from "./dom.js";
import {clock, onLanguage, say, sayMany, sayProblem} from "./words.js";
import {isOpen} from "./queue.js";
import {isSure, vinOf} from "./result.js";

export class List {
  #rows = new Map();   // id → {row, ...parts}
  #stale = new Set();
  #frame = 0;

  constructor(queue, open) {
    Object.assign(this, {queue, open});
    byId("copy-list").addEventListener("click", () => this.#copyAll());
    byId("clear-list").addEventListener("click", () => this.#clear());
    onLanguage(() => this.refreshAll());
  }

  get sorted() { return [...this.queue.items.values()].sort((one, other) => other.at - one.at); }

  refreshAll() {
    for (const item of this.queue.items.values()) this.refresh(item);
    this.#showSummary();
  }

  remove(item) {
    this.#rows.get(item.id)?.row.remove();
    this.#rows.delete(item.id);
    this.#later();
  }

  // Many things change at once with thirty photos: each row is drawn once a frame.
  refresh(item) {
    this.#stale.add(item.id);
    this.#later();
  }

  #later() {
    if (this.#frame) return;
    this.#frame = setTimeout(() => {
      this.#frame = 0;
      for (const id of this.#stale) {
        const item = this.queue.items.get(id);
        if (item) this.#draw(item);
      }
      this.#stale.clear();
      this.#showSummary();
    }, 50);
  }

  #draw(item) {
    const parts = this.#rows.get(item.id) ?? this.#make(item);
    const moving = this.queue.progress.get(item.id);
    const share = moving?.part === "uploading" ? moving.loaded / Math.max(moving.total, 1) : null;
    parts.row.className = `sent ${item.state}${item.state === "done" ? ` ${item.confirmedAt ? "confirmed" : item.reading.verdict}` : ""}`;
    parts.vin.textContent = vinOf(item);
    parts.state.textContent = this.#says(item, moving, share);
    parts.name.textContent = [item.reference, item.name].filter(Boolean).join(" · ");
    parts.bar.hidden = item.state !== "sending";
    parts.bar.setAttribute("aria-label", say("progressOf", {name: item.name}));
    if (share === null) parts.bar.removeAttribute("value");
    else parts.bar.value = share;
  }

  #says(item, moving, share) {
    if (item.state === "done") return say(item.confirmedAt ? "confirmed" : item.reading.verdict);
    if (item.state === "refused") return sayProblem(item.problem.name)[0];
    if (item.state === "sending")
      return share === null ? say("readingShort") : say("uploadingShort", {percent: Math.floor(100 * share)});
    if (this.queue.needsKey) return say("waitsForKey");
    if (!item.problem) return say("waits");
    const at = Math.max(item.nextAt, this.queue.pausedUntil);
    return say("waitsUntil", {why: sayProblem(item.problem.name)[0], at: clock(at)});
  }

  #make(item) {
    const row = element("li");
    const opener = button("", "sent-open", () => this.open(item));
    const picture = element("span", "", "thumb");
    if (item.thumb) {
      const image = element("img");
      image.alt = "";
      image.src = URL.createObjectURL(item.thumb);
      image.onload = () => URL.revokeObjectURL(image.src);
      picture.append(image);
    }
    const [vin, state, name] = ["sent-vin", "sent-state", "sent-name"].map((each) => element("span", "", each));
    const text = element("span", "", "sent-text");
    text.append(vin, state, name);
    const bar = element("progress");
    bar.max = 1;
    opener.append(picture, text);
    row.append(opener, bar);
    byId("sent").insertBefore(row, this.#after(item) ?? null);
    const parts = {row, vin, state, name, bar};
    this.#rows.set(item.id, parts);
    row.dataset.id = item.id;
    return parts;
  }

  // The row that stands below this one.
  #after(item) {
    return this.sorted.filter((each) => each.at <= item.at && each.id !== item.id)
      .map((each) => this.#rows.get(each.id)?.row).find(Boolean);
  }

  #showSummary() {
    const items = [...this.queue.items.values()];
    const count = (is) => items.filter(is).length;
    const open = count(isOpen);
    const doubtful = count((item) => item.state === "done" && !isSure(item));
    const failed = count((item) => item.state === "refused");
    const parts = [
      sayMany("countRead", count((item) => item.state === "done")),
      open && sayMany("countOpen", open),
      doubtful && sayMany("countDoubtful", doubtful),
      failed && sayMany("countFailed", failed),
    ].filter(Boolean);
    const text = parts.join(" · ");
    byId("today").hidden = !items.length;
    if (byId("summary").textContent !== text) byId("summary").textContent = text;
    byId("clear-list").hidden = items.length === open;
    byId("copy-list").hidden = !items.some((item) => item.state === "done" && isSure(item));
  }

  async #copyAll() {
    const done = this.sorted.reverse().filter((item) => item.state === "done");
    const sure = done.filter(isSure);
    const copied = await copyText(sure.map((item) =>
      [vinOf(item), item.reading.upload?.reference ?? item.reference].filter(Boolean).join("\t")).join("\n"));
    const left = done.length - sure.length;
    byId("status").textContent = copied
      ? sayMany("copiedList", sure.length) + (left ? ` ${sayMany("leftOut", left)}` : "") : say("copyFailed");
  }

  // What has ended; what is on its way stays.
  #clear() {
    return this.queue.remove(...[...this.queue.items.values()].filter((item) => !isOpen(item)).map((item) => item.id));
  }
}
