// The 17 cells: what was read, what is typed over it, and what both say together.

import { api, element, say } from "./common.js";
import { VinTyping } from "./typing.js";
import { CHECK_AT, VIN_LENGTH, checkDigit, checkDigitHolds, mendings } from "./vin.js";

const GROUPS = [[0, 3], [3, 9], [9, 17]];
const DEBOUNCE = 120;  // milliseconds
const KEYS = "1234567890ABCDEFGHJKLMNPRSTUVWXYZ";
const judgements = new Map();

/** What the function knows of a VIN; null while it cannot be asked. */
async function judge(vin) {
  if (!judgements.has(vin)) {
    const asked = api("GET", `/v1/vins/${vin}`, undefined, { seconds: 5 });
    judgements.set(vin, asked);
    asked.catch(() => judgements.delete(vin));
  }
  try { return await judgements.get(vin); } catch { return null; }
}

/** Fires `changed`, and `leave` where somebody presses Escape. */
export class Cells extends VinTyping {
  constructor(places) {
    super({ gaps: true });
    Object.assign(this, places);  // root, cells, says, offer, facts, keypad
    this.read = [];
    this.candidates = [];  // whole VINs that recognizers named, and none stood by
    this.judged = null;
    this.boxes = [];
    for (const [begin, end] of GROUPS) {
      const group = element("div", { class: "group" });
      for (let at = begin; at < end; at += 1) group.append(this.made(at));
      this.cells.append(group);
    }
    this.coarse = matchMedia("(pointer: coarse)").matches;
    if (this.coarse) this.pad();
  }

  made(at) {
    const input = this.make(at);
    input.setAttribute("aria-label", say("review.cell", { at: at + 1 }));
    const hint = element("small", { "aria-hidden": "true" });
    const box = element("div", { class: "cell" }, input, hint);
    this.boxes.push({ box, hint });
    return box;
  }

  /** Shows what was read of an item. */
  show(item) {
    this.read = item.cells ?? [];
    this.candidates = item.candidates ?? [];
    const vin = item.vin ?? this.read.map((each) => each.character).join("");
    this.characters = Array.from({ length: VIN_LENGTH }, (_, at) => vin[at] ?? "");
    this.before = [...this.characters];
    this.judged = item.judged?.vin === vin ? item.judged : null;
    this.offered = null;
    this.current = null;
    this.draw();
    this.look();
  }

  /** Puts a whole text into the cells, as a decision that came back had it. */
  put(vin) {
    this.characters = Array.from({ length: VIN_LENGTH }, (_, at) => vin[at] ?? "");
    this.changed();
  }

  get fits() { return checkDigitHolds(this.characters); }

  /** Where a person should look first. */
  get first() {
    const doubtful = this.read.findIndex((each, at) => each.why && this.characters[at] === each.character);
    const empty = this.characters.indexOf("");
    return empty >= 0 ? empty : Math.max(doubtful, 0);
  }

  onFocus() { this.suggest(); }

  onLookalike(at, typed, meant) {
    this.held = false;
    this.tell(say("review.lookalike", { typed, meant }), "doubt");
    this.suggest();
  }

  onDismiss() { this.look(); }

  onUnknown(at, typed) { this.tell(say("review.never", { typed }), "doubt"); }

  onRefused(refused) { this.tell(say("review.pasted", { refused: refused.join(" ") }), "doubt"); }

  onTooLong(count, place) {
    this.tell(place ? say("review.too_far", { count, at: place + 1 }) : say("review.too_long", { count }), "bad");
    this.held = true;  // until something is typed: what the function knows of the old VIN comes later
  }

  onLeave() { this.dispatchEvent(new Event("leave")); }

  onChange() { this.changed(); }

  changed() {
    this.draw();
    this.look();
    this.dispatchEvent(new Event("changed"));
  }

  draw() {
    this.characters.forEach((character, at) => {
      const input = this.inputs[at];
      const { box, hint } = this.boxes[at];
      const cell = this.read[at];
      const untouched = cell && cell.character === character;
      input.value = character;
      box.classList.toggle("doubt", Boolean(untouched && cell.why));
      box.classList.toggle("changed", Boolean(this.before && this.before[at] !== character));
      const others = untouched && cell.why ? cell.alternatives.slice(0, 2).join("") : "";
      hint.textContent = others;
      const label = say("review.cell", { at: at + 1 });
      const doubt = untouched && cell.why ? `, ${say(`review.why.${cell.why}`, { as_read: cell.as_read ?? "" })}` : "";
      const may = others ? `, ${say("review.may_be", { others: [...others].join(", ") })}` : "";
      input.setAttribute("aria-label", label + doubt + may);
    });
    this.cells.classList.toggle("hinted", this.boxes.some(({ hint }) => hint.textContent));
  }

  tell(text, kind = "") {
    if (this.held) return;
    this.says.textContent = text;
    this.says.className = `says ${kind}`;
  }

  /** Says at once what the characters say, and what the function knows as soon as it has answered. */
  look() {
    clearTimeout(this.timer);
    this.held = false;
    const box = this.boxes[CHECK_AT].box;
    box.classList.remove("bad-digit");
    if (!this.complete) {
      this.judged = null;
      this.facts.textContent = "";
      const some = this.missing < VIN_LENGTH;
      this.tell(some ? say("review.missing", { count: this.missing }) : "");
      this.suggest();
      return;
    }
    const { vin } = this;
    if (this.judged?.vin !== vin) {
      this.judged = null;
      this.facts.textContent = "";
      this.timer = setTimeout(async () => {
        const found = await judge(vin);
        if (this.vin !== vin || !found) return;
        this.judged = found;
        this.verdict();
      }, DEBOUNCE);
    }
    this.verdict();
  }

  verdict() {
    this.boxes[CHECK_AT].box.classList.remove("bad-digit");
    const right = checkDigit(this.characters);
    const required = this.judged ? this.judged.check_digit !== "not_required" : null;
    if (this.fits) this.tell(say("review.fits"), "good");
    else if (required === false) this.tell(say("review.not_required"));
    else {
      this.boxes[CHECK_AT].box.classList.add("bad-digit");
      this.tell(say(required ? "review.wrong_digit" : "review.digit_open", {
        found: this.characters[CHECK_AT], right, country: this.judged?.country ?? "",
      }), required ? "bad" : "doubt");
    }
    const { maker, model, model_year: year, country } = this.judged ?? {};
    this.facts.textContent = this.judged
      ? [maker ?? say("review.no_maker"), model, year, country].filter(Boolean).join(" · ") : "";
    this.suggest();
  }

  /** Buttons for what may be meant: at this cell, and anywhere if that makes the check digit hold. */
  suggest() {
    const made = [];
    const offer = (at, character, text) => {
      const button = element("button", { type: "button", class: "button" }, character, element("small", { text }));
      button.addEventListener("click", () => { this.offered = null; this.type(character, at); });
      made.push(button);
    };
    if (this.missing === VIN_LENGTH) {
      for (const { vin, of, confidence } of this.candidates) {
        const who = confidence === null ? of.join(", ") : `${of.join(", ")} ${Math.round(confidence * 100)} %`;
        const button = element("button", { type: "button", class: "button" }, vin, element("small", { text: who }));
        button.addEventListener("click", () => this.put(vin));
        made.push(button);
      }
    }
    if (this.offered) offer(this.offered.at, this.offered.character, say("review.put"));
    const cell = this.read[this.current];
    if (cell && this.current !== null) {
      for (const each of [cell.character, ...cell.alternatives]) {
        if (each !== this.characters[this.current]) offer(this.current, each, say("review.at", { at: this.current + 1 }));
      }
    }
    if (this.complete && !this.fits && this.judged?.check_digit !== "not_required") {
      for (const { at, character } of mendings(this.characters)) {
        if (at !== this.current) offer(at, character, say("review.at", { at: at + 1 }));
      }
    }
    this.offer.replaceChildren(...made);
  }

  /** Shows the keypad, and leaves the photo in sight above it. */
  typing(on) {
    this.keypad.hidden = !(on && this.coarse);
    this.root.classList.toggle("typing", !this.keypad.hidden);
  }

  pad() {
    const back = this.press("⌫", () => this.back(this.current ?? VIN_LENGTH - 1));
    back.setAttribute("aria-label", say("review.backspace"));
    this.keypad.append(...this.keys(KEYS), back, this.press(say("review.done"), () => this.onLeave(), "wide"));
    for (const each of this.keypad.children) each.tabIndex = -1;
    this.cells.addEventListener("focusin", () => this.typing(true));
  }
}
