// The list of uploads: thumbnails, a search that goes on, the export, and a redrive of what is listed.

import { element, localTimes, say, thumbnails } from "./common.js";
import { exporting } from "./export.js";
import { ask } from "./redrive.js";

const ROWS = 50;  // of a page
const byId = (id) => document.getElementById(id);
const rows = () => document.querySelectorAll("table.list > tbody > tr").length;

/** Takes the next pages of a search that ran out of its time, until this page is full or all is searched. */
async function goOn() {
  const told = byId("searched");
  const stop = element("button", { type: "button", class: "button small", text: say("uploads.stop") });
  let stopped = false;
  stop.addEventListener("click", () => { stopped = true; });
  let found = document;
  while (rows() < ROWS && !stopped) {
    const next = found.getElementById("searched");
    if (!next?.dataset.next) break;
    told.replaceChildren(say("uploads.going_on", { date: next.querySelector("time")?.textContent ?? "" }), " ", stop);
    let answer;
    try {
      answer = await fetch(next.dataset.next, { credentials: "same-origin" });
      if (!answer.ok || answer.redirected) throw new Error(answer.statusText);
    } catch { break; }
    found = new DOMParser().parseFromString(await answer.text(), "text/html");
    localTimes(found);
    const more = [...found.querySelectorAll("table.list > tbody > tr")].map((row) => document.adoptNode(row));
    if (more.length) {
      const table = document.querySelector("table.list");
      table.hidden = false;
      table.tBodies[0].append(...more);
      byId("none")?.remove();
      thumbnails(table);
    }
  }
  const last = found.getElementById("searched");
  const link = found.querySelector("a[rel=next]");
  const place = document.querySelector(".pages");
  place.querySelector("a[rel=next]")?.remove();
  if (link) place.append(document.adoptNode(link));
  if (last) told.replaceChildren(...[...last.childNodes].map((node) => node.cloneNode(true)));
  else told.textContent = link ? "" : say("uploads.searched_all");
  if (!rows() && byId("none") && !last) byId("none").textContent = say("uploads.none_found");
}

thumbnails();
for (const link of document.querySelectorAll("[data-export]")) exporting(link, byId("export-says"));
const button = byId("redrive");
button?.addEventListener("click", () => ask({ filter: JSON.parse(button.dataset.filter) }));
if (byId("searched")?.dataset.next) goOn();
