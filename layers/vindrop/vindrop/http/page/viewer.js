// The photo on this page: its picture, and the outline of the VIN on it.
import {PhotoView} from "./view.js";

export class Viewer extends PhotoView {
  // image: the picture inside the stage.
  constructor({image, ...places}) {
    super({...places, scrolls: true});
    this.image = image;
  }

  // box: as the reading has it, or null: nobody says where the VIN stands.
  show(box) {
    const {naturalWidth, naturalHeight} = this.image;
    if (naturalWidth && !this.image.hidden) this.open([naturalWidth, naturalHeight], box);
  }
}
