// Puts the page together: what a person does on the left, what happens then on the right.
import {Problem, reachApi, session, signIn, signOut, whoIs, whose} from "./api.js";
import {Decisions} from "./decisions.js";
import {byId, focusGently, hide, reveal} from "./dom.js";
import {chosen, dropped, thumbOf} from "./files.js";
import {List} from "./list.js";
import {Queue, isOpen} from "./queue.js";
import {Result, isSure} from "./result.js";
import {openStore} from "./store.js";
import {onLanguage, say, sayMany, startSpeaking} from "./words.js";

const config = JSON.parse(byId("config").textContent);
// The gateway may have mounted the page under a prefix: the API is beside it.
const base = location.pathname.replace(/\/*$/, "/").replace(/\/capture\/$/, "/");
const place = `vindrop-capture:${base}`;
const NOTICES = ["stale", "offline", "full", "forgets", "other", "skipped"];
const CHECK_EVERY = 600_000;  // milliseconds between two looks for a newer page
const MOST_NAMES = 5;
const LINK_PATIENCE = 3_000;  // milliseconds

let queue;
let result;
let list;
let decisions;
let awaited = null;   // the id of the photo for whose answer somebody waits
let looked = 0;
let adding = Promise.resolve();
let others = null;    // the page's other tabs
let told = 0;

// ---- notices -------------------------------------------------------------------------------
const notices = new Map();  // name → values of its sentence

function notice(name, values) {
  if (values) notices.set(name, values);
  else notices.delete(name);
  showNotices();
}

function showNotices() {
  for (const name of NOTICES) {
    const values = notices.get(name);
    const text = values ? say(`notice_${name}`, values) : "";
    const line = byId(`notice-${name}`);
    line.hidden = !values;
    if (line.firstElementChild.textContent !== text) line.firstElementChild.textContent = text;
  }
}

// ---- the key -------------------------------------------------------------------------------
function askKey(refused) {
  reveal("key");
  byId("key-wrong").hidden = !refused;
  byId("key-wrong").textContent = refused ? say("keyWrong") : "";
  focusGently(byId("key-input"));
}

async function useKey(given) {
  try {
    await signIn(given);
    byId("key-input").value = "";
    hide("key");
    queue.resume();
    decisions.run();
  } catch (error) {
    const name = error instanceof Problem ? error.fields.name : "unknown";
    byId("key-input").value = name === "key-refused" ? "" : given;
    askKey(name === "key-refused");
    if (name !== "key-refused") byId("status").textContent = say(name === "offline" ? "keyOffline" : "keyLater");
  }
  showWho();
}

// A link with a key. Anybody may have sent it: who is signed in already stays that until they say so.
async function bring(given) {
  const mine = await session(true).catch(() => null);
  if (!mine) return useKey(given);
  showWho();
  try {
    const theirs = await whose(given);
    if (theirs.name === mine.name) return undefined;
    byId("sign-in-as").onclick = () => { notice("other", null); useKey(given); };
    notice("other", {name: theirs.name, mine: mine.name});
  } catch (error) {
    byId("status").textContent = say(error.fields?.name === "key-refused" ? "keyWrong" : "keyLater");
  }
  return undefined;
}

function showWho() {
  const who = whoIs();
  byId("who").hidden = !who;
  byId("who-name").textContent = who ? say("signedInAs", {name: who.name}) : "";
}

// ---- photos --------------------------------------------------------------------------------
function take({photos, others}) {
  const reference = byId("reference").value.trim();
  notice("skipped", others.length ? {count: others.length,
    names: others.slice(0, MOST_NAMES).join(", ") + (others.length > MOST_NAMES ? " …" : "")} : null);
  if (!photos.length) return;
  byId("reference").value = "";  // it is that of these photos, and not of the next vehicle's
  navigator.storage?.persist?.().catch(() => {});
  adding = adding.then(() => keepAll(photos, reference));
}

async function keepAll(photos, reference) {
  for (const [at, {file, name}] of photos.entries()) {
    if (photos.length > 1) byId("status").textContent = say("keeping", {at: at + 1, count: photos.length});
    try {
      const item = await queue.add(file, {name, reference, thumb: await thumbOf(file)});
      if (photos.length === 1) {
        awaited = item.id;
        await result.open(item);
      }
    } catch (error) {
      notice("skipped", {count: 1, names: `${name} (${error?.name ?? error})`});
    }
  }
  if (photos.length > 1) byId("status").textContent = sayMany("kept", photos.length);
  registerSync();
}

const nextDoubt = (looking = false) => {
  const found = list.sorted.reverse().find((item) => item !== result.item && item.state === "done" && !isSure(item));
  if (found && !looking) open(found);
  return Boolean(found);
};

function open(item) {
  awaited = null;
  result.open(item, {focus: true});
}

function tell(event, item) {
  if (event === "added" || event === "changed" || event === "removed") others?.postMessage(event);
  if (event === "removed" || event === "gone") {
    list.remove(item);
    if (result.item?.id === item.id) result.open(null);
  } else {
    list.refresh(item);
  }
  if (event === "key") askKey(item.problem?.name === "key-refused");
  if (event === "full") notice("full", {});
  if (result.item?.id === item.id && event !== "added") {
    result.item = item;
    if (event === "progress") result.progress(queue.progress.get(item.id));
    else result.refresh();
    if (item.id === awaited && event === "changed" && (item.state === "done" || item.problem)) {
      if (item.state !== "sending") result.arrived();
      if (item.state !== "waiting") awaited = null;
    }
  }
  showLine();
}

function showLine() {
  showWho();
  const waiting = queue.waiting().length;
  notice("offline", !navigator.onLine && waiting ? {count: waiting} : null);
  if (!queue.items.size || notices.has("forgets") || queue.store.lasting) return;
  notice("forgets", {});
}

// ---- a page that is left open -------------------------------------------------------------
async function lookForNewer() {
  if (document.visibilityState !== "visible" || Date.now() - looked < CHECK_EVERY) return;
  looked = Date.now();
  try {
    const answer = await fetch(`${base}capture`, {method: "HEAD", cache: "no-store"});
    const version = answer.ok && answer.headers.get("X-Page-Version");
    notice("stale", version && version !== config.version ? {} : null);
  } catch { /* no line */ }
}

async function startWorker() {
  if (!("serviceWorker" in navigator)) return;
  try {
    await navigator.serviceWorker.register(`${base}capture-worker.js`, {updateViaCache: "none"});
    navigator.serviceWorker.addEventListener("message", () => queue.reload().then(() => queue.drain()));
  } catch { /* without it the page works while it is open */ }
}

// The browser wakes the worker when the line is back, also where the page was closed.
async function registerSync() {
  if (!queue.waiting().length || !("serviceWorker" in navigator)) return;
  try {
    const registration = await navigator.serviceWorker.ready;
    await registration.sync?.register("vindrop-send");
  } catch { /* `online` and the next opening do it */ }
}

// ---- start ---------------------------------------------------------------------------------
function listen() {
  for (const id of ["take", "choose", "folder"]) {
    byId(id).addEventListener("change", (event) => {
      take(chosen(event.target.files));
      event.target.value = "";  // the same photo may be chosen again
    });
  }
  const frame = byId("photo");
  for (const name of ["dragenter", "dragover"])
    document.addEventListener(name, (event) => { event.preventDefault(); frame.classList.add("over"); });
  for (const name of ["dragleave", "drop"])
    document.addEventListener(name, (event) => { event.preventDefault(); frame.classList.remove("over"); });
  document.addEventListener("drop", (event) => { dropped(event.dataTransfer).then(take); });
  document.addEventListener("paste", (event) => {
    if (event.clipboardData?.files.length) take(chosen(event.clipboardData.files));
  });
  byId("key").addEventListener("submit", (event) => {
    event.preventDefault();
    const given = byId("key-input").value.trim();
    if (given) useKey(given);
  });
  byId("sign-out").addEventListener("click", () => signOut().catch(() => {}).then(showWho));
  byId("reload").addEventListener("click", () => location.reload());
  for (const each of document.querySelectorAll("[data-dismiss]"))
    each.addEventListener("click", () => notice(each.dataset.dismiss, null));
  addEventListener("online", () => { showLine(); queue.online(); decisions.run(); });
  addEventListener("offline", showLine);
  document.addEventListener("visibilitychange", () => { lookForNewer(); if (document.visibilityState === "visible") queue.drain(); });
  // Only what the device could not keep is lost with the page.
  addEventListener("beforeunload", (event) => {
    if (queue.waiting().some((item) => !item.kept || !queue.store.lasting)) event.preventDefault();
  });
}

// What another tab has done is shown here, too; however much it tells, it is looked up once.
function hearOthers() {
  if (typeof BroadcastChannel !== "function" || !queue.store.lasting) return;
  others = new BroadcastChannel(place);
  others.onmessage = () => {
    if (told) return;
    told = setTimeout(() => { told = 0; queue.reload().then(() => queue.drain()); }, 300);
  };
}

async function start() {
  // A link may bring the key behind the #, which no server ever sees; it leaves the address at once.
  const brought = new URLSearchParams(location.hash.slice(1)).get("key");
  if (brought) history.replaceState(null, "", location.pathname + location.search);
  reachApi(base);
  startSpeaking();
  queue = new Queue(await openStore(place), {limits: config, lock: place, tell});
  result = new Result(queue, {confirm: (item, vin, how) => decisions.confirm(item, vin, how), next: nextDoubt});
  list = new List(queue, open);
  decisions = new Decisions(queue);
  onLanguage(() => { showNotices(); showWho(); if (!byId("key-wrong").hidden) byId("key-wrong").textContent = say("keyWrong"); });
  listen();
  hearOthers();
  document.body.classList.add("ready");
  // Photos that wait are sent under the session that the link opens, if it does so soon.
  if (brought) await Promise.race([bring(brought), new Promise((resolve) => { setTimeout(resolve, LINK_PATIENCE); })]);
  await queue.start();
  decisions.run();
  startWorker();
  setTimeout(lookForNewer, 30_000);
  if (queue.waiting().some(isOpen)) registerSync();
}

start();
