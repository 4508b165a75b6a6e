// The photo of an item: loaded from its bucket or from the function, and what is said where there is none.

import { element, photoOf, say } from "./common.js";
import { PhotoView } from "./view.js";

export class Viewer extends PhotoView {
  constructor(place) {
    const film = element("div", { class: "film" });
    const outline = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    outline.setAttribute("aria-hidden", "true");
    super({ frame: place, stage: film, outline });
    this.message = element("div", { class: "message", hidden: true });
    this.item = null;
    const tool = (text, label, act) => {
      const made = element("button", { type: "button", "aria-label": say(label), title: say(label), text });
      made.addEventListener("click", act);
      return made;
    };
    this.tools = element("div", { class: "tools" },
      this.both = tool("⤢", "js.viewer.whole", () => {
        this.onVin = !this.onVin;
        if (this.onVin) this.toVin();
        else this.whole();
      }),
      tool("⟳", "js.viewer.turn", () => { this.turnBy(Math.PI / 2); }),
      tool("−", "js.viewer.out", () => this.zoom(1 / 1.5)),
      tool("+", "js.viewer.in", () => this.zoom(1.5)));
    place.replaceChildren(film, this.message, this.tools);
  }

  /** Shows an item's photo. Resolves to true where there is one. */
  async show(item) {
    this.item = item;
    this.close();
    this.stage.replaceChildren();
    if (!item.photo) { this.say(say("js.viewer.none")); return false; }
    this.say(say("js.viewer.loading"));
    const image = await this.load(item);
    if (this.item !== item) return Boolean(image);  // another is shown meanwhile
    if (!image) return false;
    const { naturalWidth: width, naturalHeight: height } = image;
    this.stage.style.width = `${width}px`;
    this.stage.style.height = `${height}px`;
    image.alt = "";
    image.draggable = false;
    this.stage.replaceChildren(image, this.outline);
    this.say("");
    this.both.hidden = !item.box;
    this.onVin = Boolean(item.box);
    this.open([width, height], item.box ?? null);
    return true;
  }

  /** Loads the photo: from its bucket, or converted by the function where a browser shows it not. */
  async load(item) {
    const decoded = async (src) => {
      const image = new Image();
      image.src = src;
      await image.decode();
      return image;
    };
    try {
      if (item.photo.ready) return await item.photo.ready;
    } catch { /* once more, below */ }
    try {
      if (item.photo.src) return await decoded(item.photo.src);
    } catch { /* expired, gone, or of another format than its name says: the function knows */ }
    try {
      return await decoded(await photoOf(item.id, "view"));
    } catch (problem) {
      if (this.item === item) this.say(problem.sentence ?? say("js.viewer.broken"));
      item.photo.trouble = problem.name ?? "broken";
      return null;
    }
  }

  say(text) {
    this.message.textContent = text;
    this.message.hidden = !text;
    this.tools.hidden = Boolean(text);
  }
}
