// The 17 characters of a VIN on this page: what is in doubt, what else may stand there.
import {button, byId, element} from "./dom.js";
import {say} from "./words.js";
import {ALPHABET, CHECK_AT, VIN_LENGTH, checkDigit, checkDigitHolds, isVin} from "./vin.js";
import {VinTyping} from "./typing.js";
import {alternativesAt, doubtsOf} from "./doubts.js";

const GROUPS = [["wmi", 0, 3], ["vds", 3, 9], ["vis", 9, VIN_LENGTH]];
const KEYS = `1234567890${ALPHABET.replace(/\d/g, "")}`;

export class Cells extends VinTyping {
  reading = null;
  isWrong = false;  // the check digit is required and does not hold

  // changed(vin): after each correction.
  constructor(changed) {
    super({gaps: false});
    this.changed = changed;
    const root = byId("vin");
    for (const [name, from, to] of GROUPS) {
      const letters = element("div", "", "letters");
      for (let at = from; at < to; at++) letters.append(this.make(at));
      const group = element("div", "", `group ${name}`);
      const label = element("small", "");
      label.dataset.text = name;
      group.append(letters, label);
      root.append(group);
    }
    byId("keypad").replaceChildren(...this.keys(KEYS, "keypad-key"));
  }

  show(reading, vin) {
    if (this.reading !== reading) this.current = null;
    this.reading = reading;
    this.characters = [...vin];
    const doubts = vin === reading.vin ? doubtsOf(reading) : new Map([...doubtsOf(reading)].filter(([at]) => vin[at] === reading.vin[at]));
    if (vin !== reading.vin && checkDigitHolds(vin)) doubts.delete(CHECK_AT);
    this.inputs.forEach((cell, at) => {
      cell.value = vin[at];
      cell.className = `letter${doubts.has(at) ? ` doubt ${doubts.get(at)}` : ""}${vin[at] === reading.vin[at] ? "" : " changed"}`;
      cell.setAttribute("aria-label", say(doubts.has(at) ? "cellDoubt" : "cell", {position: at + 1}));
    });
    byId("vin").setAttribute("aria-label", say("vin", {spelled: [...vin].join(" ")}));
    this.#showCheck(reading, vin);
    if (this.current === null) this.close();
    else if (!this.offered) this.#offer(this.current);
  }

  close() {
    this.current = null;
    this.offered = null;
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

  // What else may stand at this place, to be taken with one tap.
  #offer(at) {
    const others = alternativesAt(this.reading, this.vin, at);
    byId("fix").hidden = false;
    byId("fix-at").textContent = say("cellAt", {position: at + 1, character: this.characters[at]});
    byId("fix-others").replaceChildren(...others.map((other) => this.#chip(at, other)));
  }

  #chip(at, other) {
    const chip = button(other, "chip", () => this.type(other, at));
    chip.setAttribute("aria-label", say("putInstead", {position: at + 1, character: other}));
    chip.addEventListener("pointerdown", (event) => event.preventDefault());
    return chip;
  }

  #note(name, values) {
    byId("fix").hidden = false;
    byId("fix-note").textContent = say(name, values);
  }

  onChange() {
    byId("fix-note").textContent = "";
    this.changed(this.vin);
  }

  onFocus(at) {
    byId("fix-note").textContent = "";
    this.offered = null;
    this.#offer(at);
    if (document.body.classList.contains("fixing")) return;
    document.body.classList.add("fixing");  // photo, cells and characters together on a small screen
    if (matchMedia("(pointer: coarse)").matches) byId("vin").scrollIntoView({block: "start"});
  }

  onLookalike(at, character, right) {
    this.#note("neverOffer", {character, right});
    const chip = this.#chip(at, right);
    chip.classList.add("wanted");
    byId("fix-others").replaceChildren(chip);
  }

  onDismiss(at) {
    byId("fix-note").textContent = "";
    this.#offer(at);
  }

  onUnknown(at, character) { this.#note("never", {character}); }

  onRefused(refused) { this.#note("neverPasted", {refused: refused.join(" ")}); }

  onTooLong(count, place) {
    if (place) this.#note("pastedPast", {count, position: place + 1});
    else this.#note("pastedLong", {count});
  }

  onEnter(event) {
    event.preventDefault();
    if (this.offered) this.accept();
    else byId("confirm").focus();
  }

  onLeave() { this.close(); }
}
