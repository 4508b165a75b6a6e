// The photo that is looked at: its picture, what was read, what went wrong, and what a person makes of it.
import {byId, copyText, element, facts, focusGently, hide, reveal} from "./dom.js";
import {clock, isEnglish, onLanguage, say, sayProblem, sayRegion} from "./words.js";
import {Cells} from "./cells.js";
import {Viewer} from "./viewer.js";
import {doubtsOf} from "./doubts.js";
import {isVin} from "./vin.js";

export const vinOf = (item) => item.vin || item.reading?.vin || "";
// A VIN that nobody need look at again: confirmed by a person, or by its check digit.
export const isSure = (item) => Boolean(item.confirmedAt) || item.reading?.verdict === "verified" || item.reading?.verdict === "plausible";

export class Result {
  item = null;
  #url = "";
  #draft = "";     // as the cells have it, not confirmed yet
  #asked = false;  // whether Copy has warned
  #twice = "";     // the VIN with a wrong check digit that is about to be confirmed a second time
  #since = 0;

  // queue: has the photos; confirm(item, vin): keeps what the person says.
  constructor(queue, {confirm, next}) {
    Object.assign(this, {queue, confirm, next});
    this.cells = new Cells((vin) => { this.#draft = vin; this.#showReading(); });
    this.viewer = new Viewer({frame: byId("photo"), stage: byId("stage"), image: byId("preview"), outline: byId("outline"),
      changed: () => { byId("to-vin").setAttribute("aria-pressed", String(this.viewer.atVin)); }});
    byId("zoom-in").addEventListener("click", () => this.viewer.zoom(1.5));
    byId("zoom-out").addEventListener("click", () => this.viewer.zoom(1 / 1.5));
    byId("to-whole").addEventListener("click", () => this.viewer.whole());
    byId("to-vin").addEventListener("click", () => this.viewer.toVin());
    byId("confirm").addEventListener("click", () => this.#confirm());
    byId("copy").addEventListener("click", () => this.#copy());
    byId("restore").addEventListener("click", () => { this.#draft = this.item.reading.vin; this.#showReading(); });
    byId("again").addEventListener("click", () => queue.retry(this.item));
    byId("drop-it").addEventListener("click", () => queue.remove(this.item.id));
    byId("next-doubt").addEventListener("click", () => next());
    byId("copy-details").addEventListener("click", () => this.#copyDetails());
    onLanguage(() => { if (this.item) { this.#showName(); this.refresh(); } });
  }

  async open(item, {focus = false} = {}) {
    this.item = item;
    this.#draft = "";
    this.#asked = false;
    this.#twice = "";
    this.#since = performance.now();
    this.cells.close();
    document.body.classList.toggle("shown", Boolean(item));
    byId("photo").classList.toggle("full", Boolean(item));
    byId("photo").tabIndex = item ? 0 : -1;
    hide("preview", "no-preview", "outline", "photo-tools");
    this.viewer.close();
    URL.revokeObjectURL(this.#url);
    if (!item) return this.refresh();
    this.refresh();
    const blob = await this.queue.blob(item);
    if (this.item !== item) return undefined;
    if (blob) this.#picture(item, blob);
    else this.#showName();
    if (focus) {
      byId(item.reading ? "verdict" : "photo").focus({preventScroll: true});
      byId("photo").scrollIntoView({block: "start"});
    }
    return undefined;
  }

  #picture(item, blob) {
    const image = byId("preview");
    this.#url = URL.createObjectURL(blob);
    image.onload = () => {
      reveal("preview", "outline", "photo-tools");
      this.viewer.show(this.item.reading?.vin_box ?? null);
      byId("to-vin").hidden = !this.item.reading?.vin_box;
    };
    image.onerror = () => this.#showName();
    image.src = this.#url;
  }

  #showName() {
    byId("preview").alt = say("yourPhoto");
    if (!byId("preview").hidden) return;
    byId("no-preview").textContent = say("noPreview", {name: this.item.name});
    byId("no-preview").hidden = false;
  }

  // What is known of the photo has changed.
  refresh() {
    const {item} = this;
    hide("result", "trouble", "beam");
    if (!item) return;
    if (item.state === "done") {
      if (!this.#draft) this.#draft = vinOf(item);
      this.#showReading();
    } else if (item.problem && item.state !== "sending") {
      this.#showProblem(item);
    }
    byId("beam").hidden = item.state !== "sending";
    if (item.reading?.vin_box && !byId("preview").hidden && byId("to-vin").hidden) {
      byId("to-vin").hidden = false;
      this.viewer.show(item.reading.vin_box);
    }
  }

  // How far the photo has come on its way.
  progress(moving) {
    if (!moving) return;
    const percent = Math.floor(100 * moving.loaded / Math.max(moving.total, 1));
    byId("status").textContent = moving.part === "uploading" ? say("uploading", {percent}) : say("reading");
  }

  // The answer for which somebody waits is there.
  arrived() {
    const target = byId(this.item.state === "done" ? "verdict" : "trouble-title");
    byId("status").textContent = say(this.item.state === "done" ? "done" : "notDone");
    focusGently(target);
    target.scrollIntoView({block: "nearest"});
  }

  #showReading() {
    const {item} = this;
    const {reading} = item;
    const vin = this.#draft;
    const confirmed = Boolean(item.confirmedAt) && vin === item.vin;
    const changed = vin !== reading.vin;
    const verdict = confirmed ? "confirmed" : changed ? "corrected" : reading.verdict;
    byId("result").className = `card result ${verdict}`;
    byId("verdict").textContent = say(verdict);
    byId("verdict-text").textContent = say(`${verdict}Text`);
    this.cells.show(reading, vin);
    const doubts = changed || confirmed ? [] : reading.doubts ?? [];
    const more = doubts.length || changed || confirmed ? [] : [...doubtsOf(reading)].filter(([, why]) => why === "unsure");
    const lines = [...doubts, ...more.map(([at, why]) => ({position: at + 1, character: reading.vin[at], why}))];
    byId("doubts").hidden = !lines.length;
    byId("doubts").replaceChildren(...lines.map((doubt) => {
      const line = element("li", "", doubt.why);
      line.append(element("b", doubt.character), element("span", say(`${doubt.why}Mark`, doubt)));
      return line;
    }));
    const sameMaker = vin.slice(0, 3) === reading.vin.slice(0, 3);
    facts(byId("facts"), [
      [say("reference"), reading.upload?.reference ?? item.reference],
      [say("maker"), sameMaker && reading.maker],
      [say("model"), vin === reading.vin && reading.vehicle?.model],
      [say("year"), sameMaker && vin[9] === reading.vin[9] && reading.model_year],
      [say("region"), sameMaker && reading.region && sayRegion(reading.region)],
      [say("asRead"), reading.as_read === vin ? "" : reading.as_read],
      [say("readAt"), item.sentAt && clock(item.sentAt)],
    ]);
    const other = item.reference && reading.upload?.reference && reading.upload.reference !== item.reference;
    byId("other-reference").hidden = !other;
    byId("other-reference").textContent = other ? say("otherReference", {asked: item.reference, kept: reading.upload.reference}) : "";
    byId("confirm").hidden = confirmed || (verdict === "verified" && !item.confirmedAt);
    byId("restore").hidden = !changed;
    byId("copy").classList.toggle("main", byId("confirm").hidden);
    byId("copy-text").textContent = say(this.#asked ? "copyAnyway" : "copy");
    const said = item.decision && (confirmed || item.decision === "refused") ? item.decided ? "already" : item.decision : "";
    byId("decision").hidden = !said;
    byId("decision").className = said === "kept" ? "good-note" : "doubtful-note";
    byId("decision").textContent = said
      ? say(`decision_${said}`, {who: item.decided?.reviewer, vin: item.decided?.vin ?? "–"}) : "";
    byId("confirm").textContent = say(this.#twice === vin ? "confirmAnyway" : "confirm");
    byId("next-doubt").hidden = !this.next(true);
    reveal("result");
  }

  async #confirm() {
    const vin = this.#draft;
    if (!isVin(vin)) return;
    const wrong = this.cells.isWrong;
    if (wrong && this.#twice !== vin) {  // law asks for it there: a slip is likelier than a vehicle without
      this.#twice = vin;
      this.#showReading();
      byId("status").textContent = say("wrongCheckDigit");
      return;
    }
    this.#asked = false;
    this.#twice = "";
    this.cells.close();
    await this.confirm(this.item, vin, {seconds: Math.round(performance.now() - this.#since) / 1000, wrong});
    this.#showReading();
    byId("status").textContent = say("confirmed");
    byId("copy").focus({preventScroll: true});
  }

  // A VIN that nobody has confirmed leaves this page only after a warning.
  async #copy() {
    const {item} = this;
    const vin = this.#draft;
    const sure = (vin === vinOf(item) && isSure(item)) || this.#asked;
    if (!sure) {
      this.#asked = true;
      byId("copy-text").textContent = say("copyAnyway");
      byId("status").textContent = say("copyWarning");
      return;
    }
    const words = say(await copyText(vin) ? (isSure(item) && vin === vinOf(item) ? "copied" : "copiedUnsure") : "copyFailed");
    byId("copy-text").textContent = words;
    byId("status").textContent = words;
    this.#asked = false;
  }

  // What whoever runs the page wants to know, word for word.
  async #copyDetails() {
    const {problem, name, size, at, tries} = this.item;
    const copied = await copyText(JSON.stringify({...problem, photo: name, bytes: size, at: new Date(at).toISOString(), tries}, null, 1));
    byId("status").textContent = say(copied ? "copied" : "copyFailed");
  }

  #showProblem(item) {
    const {problem} = item;
    const [title, todo] = sayProblem(problem.name);
    const waits = item.state !== "refused";
    byId("trouble-title").textContent = title;
    byId("trouble-todo").textContent = waits ? say("keptAndRetried") : todo;
    byId("again").textContent = say(waits ? "tryNow" : "again");
    byId("drop-it").textContent = say("remove");
    const detail = problem.said ? say(...problem.said) : isEnglish() ? problem.detail ?? "" : "";
    byId("trouble-more").hidden = !problem.detail && !problem.code && !problem.request;
    byId("trouble-detail").textContent = detail;
    facts(byId("trouble-ids"), [[say("problem"), problem.name], [say("code"), problem.code], [say("requestId"), problem.request]]);
    reveal("trouble");
  }
}
