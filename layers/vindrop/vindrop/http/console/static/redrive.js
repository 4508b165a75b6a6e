// A redrive tells its price before it is done.

import { api, element, say } from "./common.js";

const dialog = document.getElementById("redrive-dialog");
const says = document.getElementById("redrive-says");
const counts = document.getElementById("redrive-counts");
const go = document.getElementById("redrive-go");
const close = document.getElementById("redrive-close");
let stopped = false;
let done = false;

/** Goes through the whole set, part by part, and adds up what comes. */
async function all(wanted, dryRun) {
  const sum = { counts: {}, calls: 0, price: null };
  let cursor = "";
  do {
    const before = sum.counts.redriven ?? 0;
    const part = await api("POST", "/v1/redrives", { ...wanted, cursor, dry_run: dryRun, before });
    for (const [result, count] of Object.entries(part.counts)) sum.counts[result] = (sum.counts[result] ?? 0) + count;
    sum.calls += part.calls;
    if (part.price !== null) sum.price = (sum.price ?? 0) + part.price;
    show(sum);
    cursor = part.next ?? "";
  } while (cursor && !stopped);
  return sum;
}

function show(sum) {
  counts.replaceChildren(...Object.entries(sum.counts).map(([result, count]) =>
    element("li", { text: say(`js.redrive.${result}`, { count }) })));
}

/** Shows what a redrive of `wanted` would cost, and does it when that is confirmed. */
export async function ask(wanted) {
  stopped = false;
  done = false;
  go.hidden = true;
  counts.replaceChildren();
  says.textContent = say("js.redrive.counting");
  dialog.showModal();
  try {
    const sum = await all(wanted, true);
    if (stopped) return;
    const count = sum.counts.would_redrive ?? 0;
    if (!count) { says.textContent = say("js.redrive.none"); return; }
    says.textContent = sum.price === null
      ? say("js.redrive.calls", { count, calls: sum.calls })
      : say("js.redrive.price", { count, price: sum.price.toFixed(2) });
    go.hidden = false;
    go.onclick = async () => {
      go.hidden = true;
      says.textContent = say("js.redrive.doing");
      try {
        const found = await all(wanted, false);
        done = true;
        says.textContent = say("js.redrive.done", { count: found.counts.redriven ?? 0 });
      } catch (problem) { says.textContent = `${problem.sentence} ${say("js.redrive.again")}`; }
    };
  } catch (problem) { says.textContent = problem.sentence; }
}

close?.addEventListener("click", () => dialog.close());
dialog?.addEventListener("close", () => { stopped = true; if (done) location.reload(); });
