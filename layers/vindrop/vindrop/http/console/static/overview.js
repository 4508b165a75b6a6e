// The overview renews itself: told by the server on a laptop, asking once in a while in the cloud.

import { base, localTimes, say } from "./common.js";

const live = document.getElementById("live");
const state = document.getElementById("live-state");
const POLL = 30_000;
let busy = false;
let again = false;

async function renew() {
  if (busy) { again = true; return; }
  busy = true;
  try {
    const answer = await fetch(`${base}/?part=1&days=${live.dataset.days}`, { credentials: "same-origin" });
    if (answer.redirected) { location.reload(); return; }
    if (answer.ok) {
      const open = [...live.querySelectorAll("details")].map((each) => each.open);
      // Our own template, with every value escaped; scripts in it would not run anyway.
      const parsed = new DOMParser().parseFromString(await answer.text(), "text/html");
      live.replaceChildren(...parsed.body.childNodes);
      live.querySelectorAll("details").forEach((each, at) => { each.open = open[at] ?? false; });
      localTimes(live);
      state.textContent = say("overview.renewed", { time: new Date().toLocaleTimeString(document.documentElement.lang) });
    }
  } catch { state.textContent = say("overview.offline"); }
  busy = false;
  if (again) { again = false; renew(); }
}

let timer = null;
function poll() {
  clearInterval(timer);
  timer = setInterval(() => { if (!document.hidden) renew(); }, POLL);
}

const source = new EventSource(`${base}/v1/overview/events`);
source.addEventListener("open", () => { clearInterval(timer); state.textContent = say("overview.live"); });
source.addEventListener("changed", renew);
source.addEventListener("error", () => { if (source.readyState === EventSource.CLOSED) poll(); });
document.addEventListener("visibilitychange", () => { if (!document.hidden) renew(); });
poll();
