// A photo that can be moved, zoomed and turned: drag, pinch, wheel, double tap and keys. Where it is
// known where the VIN stands, that is outlined, and shown level.

const CLOSEST = 12;  // screen pixels for one of the photo's; of a small photo times the whole
const ZOOM = 1.5;
const MOVES = {ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40]};
const SVG = "http://www.w3.org/2000/svg";
const TWICE = 350;   // milliseconds between two taps

export class PhotoView {
  #pointers = new Map();
  #tapped = -TWICE;  // the page may be younger than that
  size = null;    // of the photo, in its pixels
  corners = null; // of the VIN, in the same
  view = null;    // scale, turn (radians), and the point of the photo in the middle
  atVin = false;
  #atWhole = true;

  // frame: takes the gestures; stage: holds the photo, and is moved; outline: an SVG on it.
  // scrolls: the page scrolls under wheel and thumb while the photo is whole.
  constructor({frame, stage, outline, scrolls = false, changed = () => {}}) {
    Object.assign(this, {frame, stage, outline, scrolls, changed});
    frame.addEventListener("pointerdown", (event) => this.#down(event));
    frame.addEventListener("pointermove", (event) => this.#move(event));
    for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) frame.addEventListener(name, (event) => this.#up(event));
    frame.addEventListener("wheel", (event) => this.#wheel(event), {passive: false});
    frame.addEventListener("keydown", (event) => this.#key(event));
    new ResizeObserver(() => { if (this.view) this.#again(); }).observe(frame);
  }

  get ready() { return this.view !== null; }

  // size: width and height; box: four points, in shares of them, or null: nobody says where the VIN stands.
  open([width, height], box) {
    this.size = [width, height];
    this.corners = box?.map(([x, y]) => [x * width, y * height]) ?? null;
    this.outline.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.outline.setAttribute("width", width);
    this.outline.setAttribute("height", height);
    const shape = this.corners && document.createElementNS(SVG, "polygon");
    shape?.setAttribute("points", this.#around().map((point) => point.join(",")).join(" "));
    this.outline.replaceChildren(...(shape ? [shape] : []));
    this.toVin();
  }

  close() {
    this.view = null;
    this.#pointers.clear();
  }

  #span(one, other) {
    return Math.hypot(this.corners[other][0] - this.corners[one][0], this.corners[other][1] - this.corners[one][1]);
  }

  get #middle() { return [0, 1].map((axis) => this.corners.reduce((sum, point) => sum + point[axis] / 4, 0)); }

  // A little wider than the characters.
  #around() {
    const [x0, y0] = this.#middle;
    const tall = this.#span(0, 3);
    return this.corners.map(([x, y]) => {
      const wider = 1 + tall * 0.35 / (Math.hypot(x - x0, y - y0) || 1);
      return [x0 + (x - x0) * wider, y0 + (y - y0) * wider];
    });
  }

  get fit() { return Math.min(this.frame.clientWidth / this.size[0], this.frame.clientHeight / this.size[1]); }

  get closest() { return Math.max(CLOSEST, this.fit * CLOSEST); }

  get isClose() { return Boolean(this.view) && this.view.scale > this.fit * 1.01; }

  // Of another size: the same again; what somebody has moved stays as it is.
  #again() {
    if (this.atVin) this.toVin();
    else if (this.#atWhole) this.whole();
    else this.#look(this.view);
  }

  whole() {
    if (!this.size || !this.frame.clientWidth || !this.frame.clientHeight) return;
    this.atVin = false;
    this.#atWhole = true;
    this.#look({scale: this.fit, turn: 0, x: this.size[0] / 2, y: this.size[1] / 2});
  }

  toVin() {
    if (!this.corners) { this.whole(); return; }
    const {clientWidth: wide, clientHeight: high} = this.frame;
    if (!wide || !high) return;
    const long = Math.max(this.#span(0, 1), this.#span(3, 2), 1);
    const tall = Math.max(this.#span(0, 3), this.#span(1, 2), 1);
    const [x, y] = this.#middle;
    const [from, to] = this.corners;
    this.atVin = true;
    this.#atWhole = false;
    this.#look({scale: Math.min(wide * 0.94 / (long + tall * 0.8), high * 0.5 / tall, this.closest),
      turn: -Math.atan2(to[1] - from[1], to[0] - from[0]), x, y});
  }

  turnBy(angle) { if (this.view) this.#look({...this.view, turn: this.view.turn + angle}); }

  // at: the point that stays where it is, from the middle of the frame.
  zoom(factor, at = [0, 0]) {
    if (!this.view) return;
    const before = this.view.scale;
    const scale = Math.min(Math.max(before * factor, this.fit), this.closest);
    const [dx, dy] = this.#unturned(...at);
    const by = 1 / before - 1 / scale;
    this.atVin = false;
    this.#atWhole = scale <= this.fit;
    this.#look({...this.view, scale, x: this.view.x + dx * by, y: this.view.y + dy * by});
  }

  pan(dx, dy) {
    if (!this.view) return;
    const [x, y] = this.#unturned(dx, dy);
    this.atVin = false;
    this.#atWhole = false;
    this.#look({...this.view, x: this.view.x - x / this.view.scale, y: this.view.y - y / this.view.scale});
  }

  #unturned(x, y) {
    const cos = Math.cos(-this.view.turn);
    const sin = Math.sin(-this.view.turn);
    return [x * cos - y * sin, x * sin + y * cos];
  }

  #look(view) {
    const [width, height] = this.size;
    this.view = {...view, x: Math.min(Math.max(view.x, 0), width), y: Math.min(Math.max(view.y, 0), height)};
    const {scale, turn, x, y} = this.view;
    const {clientWidth: wide, clientHeight: high} = this.frame;
    this.stage.style.transform =
      `translate(${wide / 2}px, ${high / 2}px) rotate(${turn}rad) scale(${scale}) translate(${-x}px, ${-y}px)`;
    this.frame.style.touchAction = this.scrolls && !this.isClose ? "pan-y" : "none";
    this.changed();
  }

  // ---- gestures -------------------------------------------------------------------------------
  get #moves() { return !this.scrolls || this.isClose; }

  #from(event) {
    const box = this.frame.getBoundingClientRect();
    return [event.clientX - box.left - box.width / 2, event.clientY - box.top - box.height / 2];
  }

  #down(event) {
    if (!this.view || event.target.closest("button")) return;
    const at = this.#from(event);
    this.#pointers.set(event.pointerId, at);
    if (this.#moves) this.frame.setPointerCapture(event.pointerId);
    this.frame.classList.add("moving");
    const alone = this.#pointers.size === 1;
    if (alone && event.timeStamp - this.#tapped < TWICE) this.#twice(at);
    this.#tapped = alone ? event.timeStamp : -TWICE;
  }

  // A double tap goes to the VIN; from there, or where that is not known, closer and back to the whole.
  #twice(at) {
    if (this.corners && !this.atVin) this.toVin();
    else if (this.isClose) this.whole();
    else this.zoom(4, at);
  }

  #move(event) {
    const before = this.#pointers.get(event.pointerId);
    if (!before || !this.view) return;
    const now = this.#from(event);
    const other = [...this.#pointers].find(([id]) => id !== event.pointerId)?.[1];
    this.#pointers.set(event.pointerId, now);
    const [dx, dy] = [now[0] - before[0], now[1] - before[1]];
    if (Math.hypot(dx, dy) > 2) this.#tapped = -TWICE;
    if (!other) {
      if (this.#moves) this.pan(dx, dy);
      return;
    }
    const apart = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]) || 1;
    this.zoom(apart(now, other) / apart(before, other), [(now[0] + other[0]) / 2, (now[1] + other[1]) / 2]);
    this.pan(dx / 2, dy / 2);
  }

  #up(event) {
    this.#pointers.delete(event.pointerId);
    if (!this.#pointers.size) this.frame.classList.remove("moving");
  }

  #wheel(event) {
    if (!this.view || (this.scrolls && !event.ctrlKey && document.activeElement !== this.frame)) return;
    event.preventDefault();
    this.zoom(Math.exp(-event.deltaY / 350), this.#from(event));
  }

  #key(event) {
    if (!this.view || event.target !== this.frame) return;
    const {key} = event;
    if (MOVES[key]) this.pan(...MOVES[key]);
    else if (key === "+" || key === "=") this.zoom(ZOOM);
    else if (key === "-") this.zoom(1 / ZOOM);
    else if (key === "0") this.whole();
    else return;
    event.preventDefault();
  }
}
