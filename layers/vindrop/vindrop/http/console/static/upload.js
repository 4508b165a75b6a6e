// One upload: its photo, and its redrive.

import { ask } from "./redrive.js";
import { Viewer } from "./viewer.js";

const place = document.getElementById("viewer");
if (place) new Viewer(place).show(JSON.parse(place.dataset.item));
const button = document.getElementById("redrive");
button?.addEventListener("click", () => ask({ ids: [button.dataset.ids] }));
