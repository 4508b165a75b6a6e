// The 17 cells of a VIN: typing over, arrows, pasting. What no VIN holds is refused, and what was
// meant is offered. How they look, and what is said of them, is the page's: it overrides the `on…`.
import {ALPHABET, NEVER, VIN_LENGTH} from "./vin.js";

const isCoarse = () => matchMedia("(pointer: coarse)").matches;

export class VinTyping extends EventTarget {
  characters = Array(VIN_LENGTH).fill("");
  inputs = [];
  current = null;  // the place that was looked at last
  offered = null;  // {at, typed, character}, after a look-alike was refused
  refused = null;  // the place where a character was just refused
  #run = {text: "", next: null};  // what was typed in one go, and where the next character of it goes

  // gaps: a cell may be empty.
  constructor({gaps}) {
    super();
    this.gaps = gaps;
  }

  get vin() { return this.characters.join(""); }

  get missing() { return this.characters.filter((each) => !each).length; }

  get complete() { return this.missing === 0; }

  // Where typing begins if no cell has been chosen.
  get first() { return Math.max(this.characters.indexOf(""), 0); }

  onChange() {}
  onFocus(_at) {}
  onLookalike(_at, _typed, _meant) {}
  onUnknown(_at, _typed) {}
  onDismiss(_at) {}             // what was refused there is taken back
  onTooLong(_count, _place) {}  // place: from which on it would have been put in
  onRefused(_characters) {}     // of a text that was pasted
  onEnter(_event) {}            // calls preventDefault if it has done something
  onLeave() {}

  // Returns one cell's input; made in order.
  make(at) {
    const input = document.createElement("input");
    Object.assign(input, {type: "text", autocomplete: "off", spellcheck: false, enterKeyHint: "next",
      // A keyboard of the system would cover the photo: the page has one with what a VIN can hold.
      inputMode: isCoarse() ? "none" : "text"});
    input.setAttribute("autocapitalize", "characters");
    for (const name of ["focus", "click"]) input.addEventListener(name, () => this.#entered(at));
    input.addEventListener("keydown", (event) => this.#key(event, at));
    input.addEventListener("input", () => this.#came(at));
    input.addEventListener("paste", (event) => {
      event.preventDefault();
      this.paste(event.clipboardData.getData("text"), at);
    });
    this.inputs.push(input);
    return input;
  }

  // Returns the buttons of the page's keypad; a cell keeps the focus, so the next press is for the next cell.
  keys(characters, className) {
    return [...characters].map((each) => this.press(each, () => this.type(each), className));
  }

  press(text, act, className = "") {
    const made = document.createElement("button");
    Object.assign(made, {type: "button", textContent: text, className});
    made.addEventListener("pointerdown", (event) => event.preventDefault());
    made.addEventListener("click", act);
    return made;
  }

  focus(at = this.first) {
    this.inputs[at].focus({preventScroll: true});
    this.inputs[at].select();
  }

  #entered(at) {
    this.current = at;
    this.refused = null;
    this.#run = {text: "", next: null};
    this.inputs[at].select();
    this.onFocus(at);
  }

  #put(at, character) {
    this.offered = this.refused = null;
    this.characters[at] = character;
    this.onChange();
  }

  // Takes a character; a second time the same look-alike, or a blank, takes what is offered.
  type(character, at = this.current ?? this.first) {
    const upper = character.normalize("NFKC").toUpperCase();
    if (this.offered && (upper === " " || (this.offered.at === at && this.offered.typed === upper))) {
      this.accept();
      return;
    }
    if (!ALPHABET.includes(upper) || upper.length !== 1) {
      this.inputs[at].value = this.characters[at];
      this.inputs[at].select();
      const meant = NEVER[upper];
      if (upper.trim()) this.refused = at;
      if (meant) {
        this.offered = {at, typed: upper, character: meant};
        this.onLookalike(at, upper, meant);
      } else if (upper.trim()) this.onUnknown(at, upper);
      return;
    }
    const text = (this.#run.next === at ? this.#run.text : "") + upper;
    // Typed in one go, 17 characters are the whole VIN, wherever the first of them went.
    if (text.length === VIN_LENGTH) [...text].forEach((each, place) => { this.characters[place] = each; });
    this.#put(at, text.length === VIN_LENGTH ? text[at] : upper);
    this.inputs[at].value = this.characters[at];
    this.current = Math.min(at + 1, VIN_LENGTH - 1);
    this.focus(this.current);
    this.#run = text.length === VIN_LENGTH ? {text: "", next: null} : {text, next: this.current};
  }

  accept() {
    const {at, character} = this.offered;
    this.offered = null;
    this.type(character, at);
  }

  clear(at) {
    if (!this.gaps) return;
    this.#put(at, "");
    this.inputs[at].select();
  }

  back(at) {
    if (this.refused === at) {  // what was refused stands nowhere: the character that is there is a good one
      this.offered = this.refused = null;
      this.onDismiss(at);
      return;
    }
    if (this.gaps && (this.characters[at] || at === 0)) { this.clear(at); return; }
    const to = Math.max(at - 1, 0);
    this.clear(to);
    this.focus(to);
  }

  #key(event, at) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const {key} = event;
    const places = {ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: VIN_LENGTH - 1};
    if (key === "Enter") { this.onEnter(event); return; }
    if (places[key] !== undefined) this.focus(Math.min(Math.max(places[key], 0), VIN_LENGTH - 1));
    else if (key === "Escape") this.onLeave();
    else if (key === "Backspace") this.back(at);
    else if (key === "Delete") this.clear(at);
    else if (key.length === 1) this.type(key, at);
    else return;
    event.preventDefault();
  }

  // What came by another way than a key: an input method, a phone's own keyboard, its clipboard.
  #came(at) {
    const had = this.characters[at];
    const {value} = this.inputs[at];
    this.inputs[at].value = had;
    const given = [...value];
    // What was in the cell is selected, so it is replaced; a keyboard that adds to it has added one.
    if (had && [2, VIN_LENGTH + 1].includes(given.length)) {
      if (given[0] === had) given.shift();
      else if (given.at(-1) === had) given.pop();
    }
    if (given.length > 1) this.paste(given.join(""), at);
    else if (given.length) this.type(given[0], at);
  }

  // Puts a text in whole, or nothing of it: what is too long is no VIN, and who cuts it guesses.
  paste(text, at = this.current ?? 0) {
    const upper = text.normalize("NFKC").toUpperCase();
    const words = upper.split(/[^A-Z0-9]+/).filter((each) => each.length === VIN_LENGTH);
    const bare = [...upper.replace(/[\s\-*·.]/g, "")];
    const given = bare.length > VIN_LENGTH && words.length === 1 ? [...words[0]] : bare;
    const begin = given.length >= VIN_LENGTH ? 0 : at;
    if (!given.length) return;
    if (begin + given.length > VIN_LENGTH) { this.onTooLong(given.length, begin); return; }
    const refused = given.filter((each) => !ALPHABET.includes(each));
    if (refused.length && !this.gaps) { this.onRefused(refused); return; }
    this.offered = this.refused = null;
    given.forEach((each, place) => { this.characters[begin + place] = ALPHABET.includes(each) ? each : ""; });
    this.onChange();
    if (refused.length) this.onRefused(refused);
    this.focus(refused.length ? this.first : Math.min(begin + given.length, VIN_LENGTH - 1));
  }
}
