// The 17 characters of a VIN, each in a cell that can be corrected.
import {button, byId, element} from "./dom.js";
import {say} from "./words.js";
import {ALPHABET, CHECK_AT, NEVER, VIN_LENGTH, alternativesAt, checkDigit, checkDigitHolds, doubtsOf, isVin} from "./vin.js";

const GROUPS = [["wmi", 0, 3], ["vds", 3, 9], ["vis", 9, 17]];
const KEYS = [..."1234567890", ...ALPHABET.replace(/\d/g, "")];

export class Cells {
  reading = null;
  vin = "";
  isWrong = false;  // the check digit is required and does not hold
  #at = -1;

  // changed(vin): after each correction.
  constructor(changed) {
    this.changed = changed;
    this.inputs = [];
    const root = byId("vin");
    for (const [name, from, to] of GROUPS) {
      const letters = element("div", "", "letters");
      for (let at = from; at < to; at++) {
        const cell = element("input", "", "letter");
        Object.assign(cell, {type: "text", autocomplete: "off", spellcheck: false, enterKeyHint: "next"});
        cell.setAttribute("autocapitalize", "characters");
        for (const name of ["focus", "click"]) cell.addEventListener(name, () => this.#focused(at));
        cell.addEventListener("beforeinput", (event) => this.#typed(event, at));
        cell.addEventListener("keydown", (event) => this.#key(event, at));
        this.inputs.push(cell);
        letters.append(cell);
      }
      const group = element("div", "", `group ${name}`);
      const label = element("small", "");
      label.dataset.text = name;
      group.append(letters, label);
      root.append(group);
    }
    // A thumb needs no keyboard of the system: this one has only what a VIN can hold.
    byId("keypad").replaceChildren(...KEYS.map((key) => {
      const made = button(key, "keypad-key", () => this.put(this.#at, key));
      made.addEventListener("pointerdown", (event) => event.preventDefault());  // the cell keeps the focus
      return made;
    }));
  }

  show(reading, vin) {
    if (this.reading !== reading) this.#at = -1;
    this.reading = reading;
    this.vin = vin;
    const coarse = matchMedia("(pointer: coarse)").matches;
    const doubts = vin === reading.vin ? doubtsOf(reading) : new Map([...doubtsOf(reading)].filter(([at]) => vin[at] === reading.vin[at]));
    if (vin !== reading.vin && checkDigitHolds(vin)) doubts.delete(CHECK_AT);
    this.inputs.forEach((cell, at) => {
      cell.value = vin[at];
      cell.inputMode = coarse ? "none" : "text";
      cell.className = `letter${doubts.has(at) ? ` doubt ${doubts.get(at)}` : ""}${vin[at] === reading.vin[at] ? "" : " changed"}`;
      cell.setAttribute("aria-label", say(doubts.has(at) ? "cellDoubt" : "cell", {position: at + 1}));
    });
    byId("vin").setAttribute("aria-label", say("vin", {spelled: [...vin].join(" ")}));
    this.#showCheck(reading, vin);
    if (this.#at >= 0) this.#offer(this.#at);
    else this.close();
  }

  close() {
    this.#at = -1;
    byId("fix").hidden = true;
    document.body.classList.remove("fixing");
  }

  #showCheck(reading, vin) {
    const line = byId("check");
    const holds = checkDigitHolds(vin);
    const required = reading.check_digit !== "not_required" || vin.slice(0, 3) !== reading.vin.slice(0, 3);
    this.isWrong = required && !holds;
    const word = holds ? "checkHolds" : required ? "checkWrong" : "checkNone";
    line.className = `check ${holds ? "good" : required ? "bad" : ""}`;
    line.textContent = say(word, {found: vin[CHECK_AT], right: isVin(vin) ? checkDigit(vin) : "?"});
  }

  put(at, character) {
    if (at < 0 || at >= VIN_LENGTH) return;
    byId("fix-note").textContent = "";
    const vin = this.vin.slice(0, at) + character + this.vin.slice(at + 1);
    this.#at = Math.min(at + 1, VIN_LENGTH - 1);
    if (vin !== this.vin) this.changed(vin);
    this.inputs[this.#at].focus({preventScroll: true});
    this.inputs[this.#at].select();
  }

  #focused(at) {
    this.#at = at;
    byId("fix-note").textContent = "";
    this.inputs[at].select();
    this.#offer(at);
    if (document.body.classList.contains("fixing")) return;
    document.body.classList.add("fixing");  // photo, cells and characters together on a small screen
    if (matchMedia("(pointer: coarse)").matches) byId("vin").scrollIntoView({block: "start"});
  }

  // What else may stand at this place, to be taken with one tap.
  #offer(at) {
    const others = alternativesAt(this.reading, this.vin, at);
    byId("fix").hidden = false;
    byId("fix-at").textContent = say("cellAt", {position: at + 1, character: this.vin[at]});
    byId("fix-others").replaceChildren(...others.map((other) => this.#chip(at, other)));
  }

  #chip(at, other) {
    const chip = button(other, "chip", () => this.put(at, other));
    chip.setAttribute("aria-label", say("putInstead", {position: at + 1, character: other}));
    chip.addEventListener("pointerdown", (event) => event.preventDefault());
    return chip;
  }

  #typed(event, at) {
    event.preventDefault();
    if (event.inputType.startsWith("delete") || !event.data) return;
    const typed = [...event.data.toUpperCase().replace(/[\s·-]/g, "")];
    if (typed.length === VIN_LENGTH && typed.every((c) => ALPHABET.includes(c))) {
      this.#at = at;
      this.changed(typed.join(""));
      return;
    }
    for (const character of typed) {
      if (ALPHABET.includes(character)) {
        this.put(this.#at, character);
        continue;
      }
      this.#refuse(this.#at, character);
      return;
    }
  }

  // No VIN holds it: what it was taken for is offered, and nothing is changed unasked.
  #refuse(at, character) {
    const right = NEVER[character];
    byId("fix").hidden = false;
    byId("fix-note").textContent = right ? say("neverOffer", {character, right}) : say("never", {character});
    if (right) {
      const chip = this.#chip(at, right);
      chip.classList.add("wanted");
      byId("fix-others").replaceChildren(chip);
    }
  }

  #key(event, at) {
    const go = {ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: VIN_LENGTH - 1, Backspace: at - 1}[event.key];
    if (go !== undefined) {
      event.preventDefault();
      this.inputs[Math.min(Math.max(go, 0), VIN_LENGTH - 1)].focus();
    } else if (event.key === "Enter") {
      event.preventDefault();
      const wanted = byId("fix-others").querySelector(".wanted");
      if (wanted) wanted.click();
      else byId("confirm").focus();
    } else if (event.key === "Escape") {
      this.close();
    }
  }
}
