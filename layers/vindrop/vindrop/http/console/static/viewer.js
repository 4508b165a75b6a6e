// A photo that can be moved, zoomed and turned; it starts on the VIN where that is known.

import { element, photoOf, say } from "./common.js";

const SVG = "http://www.w3.org/2000/svg";
const LARGEST = 12;  // screen pixels for one of the photo's

export class Viewer {
  constructor(place) {
    this.place = place;
    this.film = element("div", { class: "film" });
    this.message = element("div", { class: "message", hidden: true });
    this.pointers = new Map();
    this.item = null;
    this.view = null;  // scale, turn (radians), x and y: the photo's point in the middle
    const tool = (text, label, act) => {
      const made = element("button", { type: "button", "aria-label": say(label), title: say(label), text });
      made.addEventListener("click", act);
      return made;
    };
    this.tools = element("div", { class: "tools" },
      this.whole = tool("⤢", "js.viewer.whole", () => { this.onVin = !this.onVin; this.home(); }),
      tool("⟳", "js.viewer.turn", () => { this.turnBy(Math.PI / 2); }),
      tool("−", "js.viewer.out", () => this.zoom(1 / 1.5)),
      tool("+", "js.viewer.in", () => this.zoom(1.5)));
    place.replaceChildren(this.film, this.message, this.tools);
    this.listen();
    new ResizeObserver(() => { if (this.view) this.home(); }).observe(place);
  }

  /** Shows an item's photo. Resolves to true where there is one. */
  async show(item) {
    this.item = item;
    this.view = null;
    this.onVin = Boolean(item.box);
    this.film.replaceChildren();
    if (!item.photo) { this.say(say("js.viewer.none")); return false; }
    this.say(say("js.viewer.loading"));
    const image = await this.load(item);
    if (this.item !== item) return Boolean(image);  // another is shown meanwhile
    if (!image) return false;
    this.size = [image.naturalWidth, image.naturalHeight];
    const [width, height] = this.size;
    this.film.style.width = `${width}px`;
    this.film.style.height = `${height}px`;
    image.alt = "";
    image.draggable = false;
    const frame = document.createElementNS(SVG, "svg");
    frame.setAttribute("viewBox", `0 0 ${width} ${height}`);
    frame.setAttribute("aria-hidden", "true");
    if (item.box) {
      const corners = document.createElementNS(SVG, "polygon");
      corners.setAttribute("points", this.outline(item.box).map((each) => each.join(",")).join(" "));
      frame.append(corners);
    }
    this.film.replaceChildren(image, frame);
    this.say("");
    this.home();
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

  /** Corners in pixels, a little wider than the characters. */
  outline(box) {
    const [width, height] = this.size;
    const corners = box.map(([x, y]) => [x * width, y * height]);
    const middle = corners.reduce(([a, b], [x, y]) => [a + x / 4, b + y / 4], [0, 0]);
    const tall = Math.hypot(corners[3][0] - corners[0][0], corners[3][1] - corners[0][1]);
    return corners.map(([x, y]) => {
      const far = Math.hypot(x - middle[0], y - middle[1]) || 1;
      const wider = 1 + tall * 0.35 / far;
      return [middle[0] + (x - middle[0]) * wider, middle[1] + (y - middle[1]) * wider];
    });
  }

  /** Goes to the VIN, level; or to the whole photo. */
  home() {
    const { clientWidth: wide, clientHeight: high } = this.place;
    if (!this.size || !wide || !high) return;
    const [width, height] = this.size;
    this.whole.hidden = !this.item.box;
    if (this.onVin && this.item.box) {
      const corners = this.item.box.map(([x, y]) => [x * width, y * height]);
      const long = Math.hypot(corners[1][0] - corners[0][0], corners[1][1] - corners[0][1]);
      const tall = Math.hypot(corners[3][0] - corners[0][0], corners[3][1] - corners[0][1]);
      const middle = corners.reduce(([a, b], [x, y]) => [a + x / 4, b + y / 4], [0, 0]);
      const turn = -Math.atan2(corners[1][1] - corners[0][1], corners[1][0] - corners[0][0]);
      const scale = Math.min(wide * 0.94 / (long + tall * 0.8), high * 0.5 / tall, LARGEST);
      this.view = { scale, turn, x: middle[0], y: middle[1] };
    } else {
      this.view = { scale: Math.min(wide / width, high / height), turn: 0, x: width / 2, y: height / 2 };
    }
    this.draw();
  }

  draw() {
    const { scale, turn, x, y } = this.view;
    const { clientWidth: wide, clientHeight: high } = this.place;
    this.film.style.transform =
      `translate(${wide / 2}px, ${high / 2}px) rotate(${turn}rad) scale(${scale}) translate(${-x}px, ${-y}px)`;
  }

  turnBy(angle) { if (this.view) { this.view.turn += angle; this.draw(); } }

  /** Zooms about a point of the place (from its middle, in screen pixels). */
  zoom(factor, at = [0, 0]) {
    if (!this.view) return;
    const before = this.view.scale;
    const least = Math.min(this.place.clientWidth / this.size[0], this.place.clientHeight / this.size[1]) / 2;
    const scale = Math.min(Math.max(before * factor, least), LARGEST);
    const by = 1 / before - 1 / scale;
    const [dx, dy] = this.unturned(at[0], at[1]);
    Object.assign(this.view, { scale, x: this.view.x + dx * by, y: this.view.y + dy * by });
    this.draw();
  }

  move(dx, dy) {
    if (!this.view) return;
    const [x, y] = this.unturned(dx, dy);
    const { scale } = this.view;
    this.view.x = Math.min(Math.max(this.view.x - x / scale, 0), this.size[0]);
    this.view.y = Math.min(Math.max(this.view.y - y / scale, 0), this.size[1]);
    this.draw();
  }

  unturned(x, y) {
    const cos = Math.cos(-this.view.turn);
    const sin = Math.sin(-this.view.turn);
    return [x * cos - y * sin, x * sin + y * cos];
  }

  listen() {
    const { place, pointers } = this;
    const from = (event) => {
      const box = place.getBoundingClientRect();
      return [event.clientX - box.left - box.width / 2, event.clientY - box.top - box.height / 2];
    };
    place.addEventListener("pointerdown", (event) => {
      if (event.target.closest("button")) return;
      place.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, from(event));
      place.classList.add("moving");
    });
    place.addEventListener("pointermove", (event) => {
      const before = pointers.get(event.pointerId);
      if (!before) return;
      const now = from(event);
      const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
      pointers.set(event.pointerId, now);
      if (!other) { this.move(now[0] - before[0], now[1] - before[1]); return; }
      const distance = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]) || 1;
      const middle = [(now[0] + other[0]) / 2, (now[1] + other[1]) / 2];
      this.zoom(distance(now, other) / distance(before, other), middle);
      this.move((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
    });
    const up = (event) => {
      pointers.delete(event.pointerId);
      if (!pointers.size) place.classList.remove("moving");
    };
    for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) place.addEventListener(name, up);
    place.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY / 400), from(event));
    }, { passive: false });
    place.addEventListener("dblclick", (event) => {
      if (!event.target.closest("button")) this.zoom(2, from(event));
    });
  }
}
