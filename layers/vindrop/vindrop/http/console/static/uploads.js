// The list of uploads: thumbnails, and a redrive of what is listed.

import { thumbnails } from "./common.js";
import { ask } from "./redrive.js";

thumbnails();
const button = document.getElementById("redrive");
button?.addEventListener("click", () => ask({ filter: JSON.parse(button.dataset.filter) }));
