// The 17 cells: what was read, what is typed over it, and what both say together.

import { api, element, say } from "./common.js";
import { ALPHABET, CHECK_POSITION, LENGTH, LOOKALIKES, checkDigit, mendings } from "./vin.js";

const GROUPS = [[0, 3], [3, 9], [9, 17]];
const DEBOUNCE = 120;  // milliseconds
const KEYS = ["123456789", "0ABCDEFGH", "JKLMNPRST", "UVWXYZ"];
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
export class Cells extends EventTarget {
  constructor(places) {
    super();
    Object.assign(this, places);  // root, cells, says, offer, facts, keypad
    this.characters = Array(LENGTH).fill("");
    this.read = [];
    this.candidates = [];  // whole VINs that recognizers named, and none stood by
    this.judged = null;
    this.offered = null;  // { at, character } after a look-alike was refused
    this.inputs = [];
    this.boxes = [];
    for (const [begin, end] of GROUPS) {
      const group = element("div", { class: "group" });
      for (let at = begin; at < end; at += 1) group.append(this.made(at));
      this.cells.append(group);
    }
    // On a phone the system's keyboard would cover the photo: ours holds what a VIN can hold.
    this.coarse = matchMedia("(pointer: coarse)").matches;
    if (this.coarse) this.pad();
  }

  made(at) {
    const input = element("input", {
      type: "text", maxlength: 2, autocomplete: "off", autocapitalize: "characters", spellcheck: "false",
      inputmode: matchMedia("(pointer: coarse)").matches ? "none" : "text",
      "aria-label": say("review.cell", { at: at + 1 }),
    });
    input.addEventListener("focus", () => { input.select(); this.current = at; this.suggest(); });
    input.addEventListener("keydown", (event) => this.key(event, at));
    input.addEventListener("input", () => this.typed(at));
    input.addEventListener("paste", (event) => {
      event.preventDefault();
      this.paste(event.clipboardData.getData("text"), at);
    });
    const hint = element("small", { "aria-hidden": "true" });
    const box = element("div", { class: "cell" }, input, hint);
    this.inputs.push(input);
    this.boxes.push({ box, hint });
    return box;
  }

  /** Shows what was read of an item. */
  show(item) {
    this.read = item.cells ?? [];
    this.candidates = item.candidates ?? [];
    const vin = item.vin ?? this.read.map((each) => each.character).join("");
    this.characters = Array.from({ length: LENGTH }, (_, at) => vin[at] ?? "");
    this.before = [...this.characters];
    this.judged = item.judged?.vin === vin ? item.judged : null;
    this.offered = null;
    this.current = null;
    this.draw();
    this.look();
  }

  /** Puts a whole text into the cells, as a decision that came back had it. */
  put(vin) {
    this.characters = Array.from({ length: LENGTH }, (_, at) => vin[at] ?? "");
    this.changed();
  }

  get vin() { return this.characters.join(""); }

  get missing() { return this.characters.filter((each) => !each).length; }

  get complete() { return this.missing === 0; }

  get fits() { return checkDigit(this.characters) === this.characters[CHECK_POSITION]; }

  /** Where a person should look first. */
  get first() {
    const doubtful = this.read.findIndex((each, at) => each.why && this.characters[at] === each.character);
    const empty = this.characters.indexOf("");
    return empty >= 0 ? empty : Math.max(doubtful, 0);
  }

  focus(at = this.first) { this.inputs[at].focus(); }

  /** Takes a character; what no VIN holds is refused, and the one that was meant is offered. */
  type(character, at = this.current ?? this.first) {
    const upper = character.normalize("NFKC").toUpperCase();
    if (upper === " " && this.offered) { this.accept(); return; }
    if (LOOKALIKES[upper]) {
      if (this.offered?.at === at && this.offered.typed === upper) { this.accept(); return; }
      this.offered = { at, typed: upper, character: LOOKALIKES[upper] };
      this.inputs[at].value = this.characters[at];
      this.inputs[at].select();
      this.tell(say("review.lookalike", { typed: upper, meant: LOOKALIKES[upper] }), "doubt");
      this.suggest();
      return;
    }
    if (!ALPHABET.includes(upper)) { this.inputs[at].value = this.characters[at]; return; }
    this.offered = null;
    this.characters[at] = upper;
    this.changed();
    if (at + 1 < LENGTH) this.focus(at + 1);
    else this.inputs[at].select();
  }

  accept() {
    const { at, character } = this.offered;
    this.offered = null;
    this.type(character, at);
  }

  clear(at) {
    this.offered = null;
    this.characters[at] = "";
    this.changed();
  }

  key(event, at) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const go = (to) => { event.preventDefault(); this.focus(Math.min(Math.max(to, 0), LENGTH - 1)); };
    const { key } = event;
    if (key === "ArrowLeft") go(at - 1);
    else if (key === "ArrowRight") go(at + 1);
    else if (key === "Home") go(0);
    else if (key === "End") go(LENGTH - 1);
    else if (key === "Escape") { event.preventDefault(); this.dispatchEvent(new Event("leave")); }
    else if (key === "Backspace") { event.preventDefault(); this.back(at); }
    else if (key === "Delete") { event.preventDefault(); this.clear(at); this.inputs[at].select(); }
    else if (key.length === 1) { event.preventDefault(); this.type(key, at); }
  }

  back(at) {
    if (this.characters[at] || at === 0) { this.clear(at); this.inputs[at].select(); return; }
    this.clear(at - 1);
    this.focus(at - 1);
  }

  /** What came by another way than a key: an input method, a phone's own keyboard. */
  typed(at) {
    const given = [...this.inputs[at].value].filter((each) => each !== this.characters[at]);
    this.inputs[at].value = this.characters[at];
    if (given.length) this.type(given.at(-1), at);
  }

  paste(text, at) {
    const given = [...text.normalize("NFKC").toUpperCase().replace(/[\s\-*·.]/g, "")];
    const begin = given.length >= LENGTH ? 0 : at;
    const refused = [];
    given.slice(0, LENGTH - begin).forEach((each, place) => {
      const good = ALPHABET.includes(each);
      this.characters[begin + place] = good ? each : "";
      if (!good) refused.push(each);
    });
    this.changed();
    if (given.length > LENGTH) this.tell(say("review.too_long", { count: given.length }), "bad");
    else if (refused.length) this.tell(say("review.pasted", { refused: refused.join(" ") }), "doubt");
    this.focus(refused.length ? this.characters.indexOf("") : Math.min(begin + given.length, LENGTH - 1));
  }

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
    this.says.textContent = text;
    this.says.className = `says ${kind}`;
  }

  /** Says at once what the characters say, and what the function knows as soon as it has answered. */
  look() {
    clearTimeout(this.timer);
    const box = this.boxes[CHECK_POSITION].box;
    box.classList.remove("bad-digit");
    if (!this.complete) {
      this.judged = null;
      this.facts.textContent = "";
      const some = this.missing < LENGTH;
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
    this.boxes[CHECK_POSITION].box.classList.remove("bad-digit");
    const right = checkDigit(this.characters);
    const required = this.judged ? this.judged.check_digit !== "not_required" : null;
    if (this.fits) this.tell(say("review.fits"), "good");
    else if (required === false) this.tell(say("review.not_required"));
    else {
      this.boxes[CHECK_POSITION].box.classList.add("bad-digit");
      this.tell(say(required ? "review.wrong_digit" : "review.digit_open", {
        found: this.characters[CHECK_POSITION], right, country: this.judged?.country ?? "",
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
    if (this.missing === LENGTH) {
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
    const press = (text, act, attributes = {}) => {
      const button = element("button", { type: "button", text, tabindex: "-1", ...attributes });
      // The cell keeps the focus, so that the next press is for the next cell.
      button.addEventListener("pointerdown", (event) => event.preventDefault());
      button.addEventListener("click", act);
      this.keypad.append(button);
    };
    for (const row of KEYS) for (const each of row) press(each, () => this.type(each));
    press("⌫", () => this.back(this.current ?? LENGTH - 1), { "aria-label": say("review.backspace") });
    press(say("review.done"), () => this.dispatchEvent(new Event("leave")), { class: "wide" });
    this.cells.addEventListener("focusin", () => this.typing(true));
  }
}
