// A photo to look at closely: drag, pinch, wheel, buttons and keys; the VIN outlined and turned upright.

const CLOSEST = 12;  // times the size at which the whole photo is shown
const STEP = 1.5;
const SVG = "http://www.w3.org/2000/svg";

export class Viewer {
  #box = null;
  #pointers = new Map();
  #spread = 0;
  #tapped = 0;
  view = {x: 0, y: 0, scale: 1, angle: 0};  // the point of the photo in the middle, in its pixels
  atVin = false;

  // frame: takes the gestures; stage: holds image and outline, and is moved.
  constructor({frame, stage, image, outline, changed}) {
    Object.assign(this, {frame, stage, image, outline, changed});
    frame.addEventListener("pointerdown", (event) => this.#down(event));
    frame.addEventListener("pointermove", (event) => this.#move(event));
    for (const name of ["pointerup", "pointercancel"]) frame.addEventListener(name, (event) => this.#up(event));
    frame.addEventListener("wheel", (event) => this.#wheel(event), {passive: false});
    frame.addEventListener("keydown", (event) => this.#key(event));
    new ResizeObserver(() => { if (this.ready) this.atVin ? this.toVin() : this.whole(); }).observe(frame);
  }

  get ready() { return this.image.naturalWidth > 0 && !this.image.hidden; }

  // box: four points, in shares of width and height; null: nobody says where the VIN stands.
  show(box) {
    const {naturalWidth: width, naturalHeight: height} = this.image;
    this.#box = box?.map(([x, y]) => [x * width, y * height]) ?? null;
    this.outline.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.outline.setAttribute("width", width);
    this.outline.setAttribute("height", height);
    const shape = this.#box && document.createElementNS(SVG, "polygon");
    shape?.setAttribute("points", this.#box.map((point) => point.join(",")).join(" "));
    this.outline.replaceChildren(...(shape ? [shape] : []));
    if (this.#box) this.toVin();
    else this.whole();
  }

  get #fit() {
    return Math.min(this.frame.clientWidth / this.image.naturalWidth, this.frame.clientHeight / this.image.naturalHeight);
  }

  whole() {
    this.atVin = false;
    this.#look({x: this.image.naturalWidth / 2, y: this.image.naturalHeight / 2, scale: this.#fit, angle: 0});
  }

  toVin() {
    if (!this.#box) return this.whole();
    const [topLeft, topRight, bottomRight, bottomLeft] = this.#box;
    const span = (one, other) => Math.hypot(other[0] - one[0], other[1] - one[1]);
    const width = Math.max(span(topLeft, topRight), span(bottomLeft, bottomRight), 1);
    const height = Math.max(span(topLeft, bottomLeft), span(topRight, bottomRight), 1);
    const middle = [0, 1].map((axis) => this.#box.reduce((sum, point) => sum + point[axis], 0) / 4);
    const scale = Math.min(this.frame.clientWidth * 0.9 / width, this.frame.clientHeight * 0.6 / height);
    this.atVin = true;
    return this.#look({x: middle[0], y: middle[1], scale: Math.min(scale, this.#fit * CLOSEST),
      angle: Math.atan2(topRight[1] - topLeft[1], topRight[0] - topLeft[0])});
  }

  zoom(factor, at = null) {
    const {scale} = this.view;
    const next = Math.min(Math.max(scale * factor, this.#fit), this.#fit * CLOSEST);
    const [dx, dy] = at ?? [0, 0];  // from the middle of the frame: this point stays where it is
    const [ux, uy] = this.#turned(dx, dy);
    this.atVin = false;
    this.#look({...this.view, x: this.view.x + ux / scale - ux / next, y: this.view.y + uy / scale - uy / next, scale: next});
  }

  pan(dx, dy) {
    const [ux, uy] = this.#turned(dx, dy);
    this.atVin = false;
    this.#look({...this.view, x: this.view.x - ux / this.view.scale, y: this.view.y - uy / this.view.scale});
  }

  #turned(dx, dy) {
    const {angle} = this.view;
    return [dx * Math.cos(angle) - dy * Math.sin(angle), dx * Math.sin(angle) + dy * Math.cos(angle)];
  }

  #look(view) {
    if (!this.ready) return;
    const {naturalWidth: width, naturalHeight: height} = this.image;
    this.view = {...view, x: Math.min(Math.max(view.x, 0), width), y: Math.min(Math.max(view.y, 0), height)};
    const {x, y, scale, angle} = this.view;
    this.stage.style.transform = `translate(${this.frame.clientWidth / 2}px, ${this.frame.clientHeight / 2}px) `
      + `rotate(${-angle}rad) scale(${scale}) translate(${-x}px, ${-y}px)`;
    this.outline.style.strokeWidth = `${3 / scale}px`;
    // Whole, the page scrolls under the thumb; closer, the photo moves.
    this.frame.style.touchAction = scale > this.#fit * 1.01 ? "none" : "pan-y";
    this.changed?.();
  }

  // ---- gestures -----------------------------------------------------------------------------
  #down(event) {
    if (!this.ready || event.target.closest("button")) return;
    this.#pointers.set(event.pointerId, [event.clientX, event.clientY]);
    this.#spread = 0;
    if (this.view.scale > this.#fit * 1.01) this.frame.setPointerCapture(event.pointerId);
    const now = event.timeStamp;
    if (this.#pointers.size === 1 && now - this.#tapped < 350) this.atVin || !this.#box ? this.#toggle(event) : this.toVin();
    this.#tapped = this.#pointers.size === 1 ? now : 0;
  }

  #toggle(event) {
    if (this.view.scale > this.#fit * 1.01) return this.whole();
    const frame = this.frame.getBoundingClientRect();
    return this.zoom(4, [event.clientX - frame.left - frame.width / 2, event.clientY - frame.top - frame.height / 2]);
  }

  #move(event) {
    const before = this.#pointers.get(event.pointerId);
    if (!before) return;
    this.#pointers.set(event.pointerId, [event.clientX, event.clientY]);
    if (this.#pointers.size === 1) {
      const [dx, dy] = [event.clientX - before[0], event.clientY - before[1]];
      if (Math.hypot(dx, dy) > 2) this.#tapped = 0;
      if (this.view.scale > this.#fit * 1.01) this.pan(dx, dy);
      return;
    }
    const [one, other] = [...this.#pointers.values()];
    const spread = Math.hypot(other[0] - one[0], other[1] - one[1]);
    const frame = this.frame.getBoundingClientRect();
    const middle = [(one[0] + other[0]) / 2 - frame.left - frame.width / 2, (one[1] + other[1]) / 2 - frame.top - frame.height / 2];
    if (this.#spread) this.zoom(spread / this.#spread, middle);
    this.#spread = spread;
  }

  #up(event) {
    this.#pointers.delete(event.pointerId);
    this.#spread = 0;
  }

  #wheel(event) {
    if (!this.ready || !(event.ctrlKey || document.activeElement === this.frame)) return;
    event.preventDefault();
    const frame = this.frame.getBoundingClientRect();
    this.zoom(Math.exp(-event.deltaY / 300),
      [event.clientX - frame.left - frame.width / 2, event.clientY - frame.top - frame.height / 2]);
  }

  #key(event) {
    if (!this.ready || event.target !== this.frame) return;
    const moves = {ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40]};
    if (moves[event.key]) this.pan(...moves[event.key]);
    else if (event.key === "+" || event.key === "=") this.zoom(STEP);
    else if (event.key === "-") this.zoom(1 / STEP);
    else if (event.key === "0") this.whole();
    else return;
    event.preventDefault();
  }
}
