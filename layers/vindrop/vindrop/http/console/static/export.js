// An export of any size: a CSV comes in parts and is put together here, a workbook out of the bucket.
//
// A file is saved once all of it is here, and never a part of it: what stops says where, and goes on.

import { api, element, say } from "./common.js";

const TRIES = 4;
const PAUSE = 2_000;  // milliseconds, twice as long each time
const pause = (time) => new Promise((resolve) => { setTimeout(resolve, time); });

async function asked(path) {
  for (let left = TRIES; ; left -= 1) {
    try { return await api("GET", path); } catch (problem) {
      if (!problem.passes || left <= 1) throw problem;
      await pause(PAUSE * 2 ** (TRIES - left));
    }
  }
}

function save(parts, name) {
  const url = URL.createObjectURL(new Blob(parts, { type: "text/csv;charset=utf-8" }));
  element("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

const local = (moment) => (moment ? new Date(moment).toLocaleString(document.documentElement.lang) : "–");

class Csv {
  constructor(query, told) {
    Object.assign(this, { query, told, parts: [], rows: 0, cursor: "", back: null, stopped: false });
  }

  says(name, ...more) {
    this.told.replaceChildren(say(name, { count: this.rows, date: local(this.back) }), " ", ...more);
  }

  button(name, act) {
    const made = element("button", { type: "button", class: "button small", text: say(name) });
    made.addEventListener("click", act);
    return made;
  }

  async run() {
    this.stopped = false;
    const stop = this.button("uploads.stop", () => { this.stopped = true; stop.disabled = true; });
    this.says(this.rows ? "uploads.exporting" : "uploads.export_begins", stop);
    const goOn = () => this.button("uploads.go_on", () => this.run());
    try {
      while (this.cursor !== null && !this.stopped) {
        const part = await asked(`/v1/export?${this.query}&part=1&cursor=${encodeURIComponent(this.cursor)}`);
        this.parts.push(part.csv);
        this.rows += part.rows;
        this.cursor = part.next;
        this.back = part.back_to ?? this.back;
        if (this.cursor !== null) this.says("uploads.exporting", stop);
      }
    } catch (problem) {
      this.says("uploads.stopped", goOn(), ` ${problem.sentence}`);
      return;
    }
    if (this.cursor !== null) { this.says("uploads.stopped", goOn()); return; }
    save(this.parts, `vindrop-uploads-${new Date().toISOString().slice(0, 10)}.csv`);
    this.says("uploads.exported");
  }
}

async function workbook(query, told) {
  told.textContent = say("uploads.export_begins");
  try {
    const { src } = await asked(`/v1/export?${query}&part=1`);
    told.textContent = "";
    told.hidden = true;
    location.assign(src);
  } catch (problem) { told.textContent = problem.sentence; }
}

/** Makes a link export what is listed. Without scripts it leads to the file itself. */
export function exporting(link, told) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    told.hidden = false;
    const query = link.href.split("?")[1];
    if (link.dataset.export === "csv") new Csv(query, told).run();
    else workbook(query, told);
  });
}
