// The review page: the next item, its photo, its characters, and the decision on it.
//
// A decision is kept in the outbox before the next item is shown; what the server says of it comes
// later. So nobody waits for the network, and a server that dies loses nothing.

import { api, base, element, notice, say, thumbnails, who } from "./common.js";
import { Cells } from "./cells.js";
import { Outbox } from "./outbox.js";
import { Viewer } from "./viewer.js";

const byId = (id) => document.getElementById(id);
const config = JSON.parse(byId("config").textContent);
const PAGE = 20;
const LOW = 8;       // items at hand below which more are fetched
const AHEAD = 3;     // photos that are loaded before they are shown
const IDLE = 15_000; // milliseconds until an empty queue is asked again
const MOST_UNDO = 50;

const outbox = new Outbox();
const viewer = new Viewer(byId("viewer"));
const cells = new Cells({
  root: byId("review"), cells: byId("cells"), says: byId("says"), offer: byId("offer"), facts: byId("facts"), keypad: byId("keypad"),
});
const root = byId("review");
const stage = byId("stage");

let items = [];
let cursor = "";         // of the next page; null: there is none
let fetching = null;
let current = null;
let shownAt = 0;
let confirming = "";     // the VIN whose wrong check digit waits for a second confirmation
let timer = null;
const decided = new Set();  // here, so that a page of the queue that was made before shows none again
const history_ = [];        // for undo: { item, number, sequence, vin }

// ---- the queue -----------------------------------------------------------------------------

async function fetchMore() {
  if (fetching || cursor === null || config.id) return fetching;
  fetching = (async () => {
    try {
      const query = new URLSearchParams({ ...config.filter, limit: PAGE, cursor });
      const found = await api("GET", `/v1/reviews?${query}`);
      cursor = found.next;
      const known = new Set([current?.id, ...items.map((each) => each.id)]);
      items.push(...found.items.filter((each) => !known.has(each.id) && fresh(each)));
    } catch (problem) {
      if (problem.name === "bad-request" && cursor) { cursor = ""; }
      else if (problem.passes) { setTimeout(refill, 2000); }
      else trouble(problem);
    } finally { fetching = null; }
  })();
  return fetching;
}

const fresh = (item) => !decided.has(item.id) && !outbox.has(item.id);

async function refill() {
  while (items.length < LOW && cursor !== null && !config.id) {
    const before = cursor;
    await fetchMore();
    if (cursor === before) break;
  }
  preload();
  if (!current) next();
}

function preload() {
  for (const item of items.slice(0, AHEAD)) {
    if (!item.photo?.src || item.photo.ready) continue;
    const image = new Image();
    image.src = item.photo.src;
    item.photo.ready = image.decode().then(() => image);
    item.photo.ready.catch(() => { item.photo.ready = null; });
  }
}

function next() {
  clearTimeout(timer);
  items = items.filter(fresh);
  const item = items.shift();
  if (!config.id && items.length < LOW && cursor !== null) refill();
  if (item) { show(item); return; }
  current = null;
  if (config.id) return;
  if (cursor !== null) { state("loading", say("review.loading")); return; }
  state("empty", say(Object.keys(config.filter).length ? "review.empty_filter" : "review.empty"));
  timer = setTimeout(() => { cursor = ""; refill(); }, IDLE);
}

function state(name, text) {
  root.dataset.state = name;
  byId("status").textContent = text;
  const shown = name === "item";
  stage.hidden = !shown;
  byId("panel").hidden = !shown;
}

// ---- one item ------------------------------------------------------------------------------

function show(item, vin = "") {
  current = item;
  confirming = "";
  root.dataset.item = item.id;
  state("item", "");
  byId("what").textContent = item.name;
  byId("why").textContent = byId("why").title = reason(item);
  byId("no-photo").hidden = Boolean(item.photo);
  cells.typing(false);
  cells.show(item);
  if (vin) cells.put(vin);
  stage.focus({ preventScroll: true });
  shownAt = performance.now();
  viewer.show(item).then((there) => {
    if (current === item) byId("no-photo").hidden = there;
  });
  preload();
}

function reason(item) {
  const parts = [];
  if (item.review) {
    parts.push(say("review.decided_before", {
      who: item.review.reviewer, what: item.review.vin ?? say(`js.reason.${item.review.reason}`),
    }));
  } else if (item.verdict) parts.push(say(`js.verdict.${item.verdict}`));
  else if (item.code) parts.push(`${item.code}: ${item.told ?? item.message ?? ""}`);
  if (item.reference) parts.push(item.reference);
  return parts.join(" · ");
}

function decide(what) {
  if (!current) return;
  const item = current;
  const seconds = Math.round((performance.now() - shownAt) / 100) / 10;
  const decision = { after: item.sequence, seconds, ...what };
  let number;
  try { number = outbox.add({ id: item.id, name: item.name, decision }); }
  catch { notice(say("review.no_room")); return; }
  decided.add(item.id);
  history_.push({ item, number, vin: what.vin ?? "" });
  if (history_.length > MOST_UNDO) history_.shift();
  byId("undo").disabled = false;
  root.dataset.decided = String(Number(root.dataset.decided ?? 0) + 1);
  if (config.id) { state("saving", say("review.saving")); current = null; return; }
  next();
}

function confirm() {
  if (!current) return;
  if (!cells.complete) {
    const { missing } = cells;
    cells.tell(say(missing === 17 ? "review.type_it" : "review.missing", { count: missing }), "bad");
    cells.focus();
    return;
  }
  const { vin } = cells;
  const wrong = !cells.fits && cells.judged?.check_digit !== "not_required";
  if (wrong && confirming !== vin) {
    confirming = vin;
    cells.tell(say(cells.judged ? "review.confirm_again" : "review.confirm_again_open", {
      country: say(`js.country.${cells.judged?.country}`),
    }), "bad");
    return;
  }
  decide({ vin, wrong_check_digit: wrong });
}

async function undo() {
  const last = history_.pop();
  if (!last) return;
  byId("undo").disabled = history_.length === 0;
  const { item } = last;
  if (!outbox.drop(last.number)) {
    let after = last.sequence ?? 0;
    if (!after && !outbox.has(item.id)) {
      try { after = (await api("GET", `/v1/reviews/${item.id}`)).sequence; }
      catch (problem) { history_.push(last); notice(problem.sentence); return; }
    }
    outbox.add({ id: item.id, name: item.name, undo: true, after });
  }
  decided.delete(item.id);
  if (current) items.unshift(current);
  item.review = null;
  show(item, last.vin);
}

// ---- what becomes of decisions ---------------------------------------------------------------

outbox.addEventListener("kept", ({ detail: { entry, said } }) => {
  const last = history_.find((each) => each.number === entry.number);
  if (last) last.sequence = said.review.sequence;
  if (current?.id === entry.id) current.sequence = said.review.sequence;
  for (const each of items) if (each.id === entry.id) each.sequence = said.review.sequence;
  root.dataset.kept = String(Number(root.dataset.kept ?? 0) + 1);
  if (config.id && !entry.undo && !outbox.has(entry.id)) location.assign(`${base}/uploads/${entry.id}`);
});

outbox.addEventListener("refused", ({ detail: { entry, problem } }) => {
  decided.delete(entry.id);
  const at = history_.findIndex((each) => each.number === entry.number);
  if (at >= 0) history_.splice(at, 1);
  byId("undo").disabled = history_.length === 0;
  const first = problem.more?.review;
  const sentence = first
    ? say("review.was_first", { who: first.reviewer, what: first.vin ?? say(`js.reason.${first.reason}`) })
    : problem.sentence;
  const line = element("li", {}, element("b", { text: entry.name ?? entry.id.slice(0, 8) }), ` ${sentence} `);
  if (problem.name !== "not-found") {
    const again = element("button", { type: "button", class: "button small", text: say("review.look_again") });
    again.addEventListener("click", async () => {
      try {
        const item = await api("GET", `/v1/reviews/${entry.id}`);
        line.remove();
        byId("attention").hidden = !byId("attention-list").children.length;
        if (current) items.unshift(current);
        show(item, entry.decision?.vin ?? "");
      } catch (found) { notice(found.sentence); }
    });
    line.append(again);
  }
  line.append(" ", element("a", { href: `${base}/uploads/${entry.id}`, text: say("review.open") }));
  byId("attention-list").append(line);
  byId("attention").hidden = false;
  if (config.id) next_single();
});

outbox.addEventListener("waiting", () => waiting(true));
outbox.addEventListener("changed", () => { waiting(false); if (current && outbox.has(current.id) && decided.has(current.id)) next(); });
outbox.addEventListener("signed-out", ({ detail: problem }) => trouble(problem));

function waiting(troubled) {
  const count = outbox.mine.length;
  root.dataset.waiting = String(count);
  if (!count) { if (byId("notice").dataset.about === "outbox") notice(""); return; }
  if (!troubled && byId("notice").dataset.about !== "outbox") return;
  notice(say("review.waiting", { count }));
  byId("notice").dataset.about = "outbox";
}

function trouble(problem) {
  const count = outbox.mine.length;
  const link = element("a", {
    class: "button small", text: say("review.sign_in"),
    href: `${base}/sign-in?next=${encodeURIComponent(`/review${location.search}`)}`,
  });
  const ended = ["signed-out", "key-refused", "cross-site"].includes(problem.name);
  notice(count ? `${problem.sentence} ${say("review.safe", { count })}` : problem.sentence, ...(ended ? [link] : []));
  byId("notice").dataset.about = "session";
  if (!current) state("trouble", "");
}

// ---- keys and buttons --------------------------------------------------------------------------

// With Alt only: each of these letters may begin a VIN, and whoever types one looks at the photo.
const ACTS = { n: () => decide({ reason: "no_vin" }), r: () => decide({ reason: "new_photo_wanted" }), u: undo };

// Option and a letter give another character on a Mac: there the key's place tells.
const acts = ({ key, code }) => ACTS[key.toLowerCase()] ?? ACTS[code.replace(/^Key/, "").toLowerCase()];

// A key that is held down repeats itself: that is no second look, and no look at the next photo.
const once = (event, act) => { if (!event.repeat) act(); };

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.isComposing) return;
  const { target, key } = event;
  const inCell = Boolean(target.closest?.("#cells"));
  if (event.altKey) {
    const act = acts(event);
    if (act) { event.preventDefault(); once(event, act); }
    return;
  }
  if (key === "Enter" && (inCell || target === stage || target === document.body)) {
    event.preventDefault();
    once(event, confirm);
    return;
  }
  if (inCell || target.closest?.("input, select, textarea, button, a, summary, dialog")) return;
  if (!current) return;
  if (["ArrowLeft", "ArrowRight", "ArrowDown"].includes(key)) { event.preventDefault(); cells.focus(); }
  else if (key.length === 1 && key !== " ") { event.preventDefault(); cells.focus(); cells.type(key); }
});

// A whole VIN that is pasted anywhere goes into the cells.
document.addEventListener("paste", (event) => {
  if (!current || event.target.closest?.("input, textarea")) return;
  event.preventDefault();
  cells.paste(event.clipboardData.getData("text"), 0);
});

cells.addEventListener("leave", () => { cells.typing(false); stage.focus({ preventScroll: true }); });
cells.addEventListener("changed", () => { confirming = ""; });
byId("confirm").addEventListener("click", confirm);
byId("no-vin").addEventListener("click", ACTS.n);
byId("new-photo").addEventListener("click", ACTS.r);
byId("no-photo").addEventListener("click", () => decide({ reason: "no_photo" }));
byId("undo").addEventListener("click", undo);
byId("skip")?.addEventListener("click", () => {
  const item = current;
  if (!item) return;
  items.push(item);
  next();
});

// ---- begin ---------------------------------------------------------------------------------------

async function next_single() {
  try { show(await api("GET", `/v1/reviews/${config.id}`)); }
  catch (problem) { trouble(problem); state("trouble", problem.sentence); }
}

const others = outbox.others;
if (others.length) {
  notice(say("review.others", { count: others.length, who: others[0].who, me: who }));
}
thumbnails();
outbox.run();
if (config.id) next_single();
else refill();
