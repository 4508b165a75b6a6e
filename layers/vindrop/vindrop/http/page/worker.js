// The service worker: opens the page without a line, and sends what waits when the page is closed.
import {reachApi} from "./api.js";
import {FINAL, isOpen} from "./queue.js";
import {sendPhoto} from "./send.js";
import {openStore} from "./store.js";

const given = JSON.parse('{{config}}');
const home = new URL("./", self.location.href).pathname;
const room = `vindrop-capture:${home}`;
const shelf = `${room}:${given.version}`;
const SOON = 4000;        // milliseconds in which the network must answer, where a copy is here
const ONE_PHOTO = 120_000;

self.addEventListener("install", (event) => {
  const copy = new Request(`${home}capture`, {cache: "reload"});
  event.waitUntil(caches.open(shelf).then((cache) => cache.add(copy)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  const tidy = async () => {
    const old = (await caches.keys()).filter((name) => name.startsWith(`${room}:`) && name !== shelf);
    await Promise.all(old.map((name) => caches.delete(name)));
    await self.clients.claim();
  };
  event.waitUntil(tidy());
});

self.addEventListener("fetch", (event) => {
  if (event.request.mode !== "navigate" || event.request.method !== "GET") return;
  const path = new URL(event.request.url).pathname.replace(/\/+$/, "");
  if (path === `${home}capture`) event.respondWith(pageFor(event.request));
  else if (path === home.replace(/\/+$/, "")) event.respondWith(otherwise(event.request));
});

const copyOf = () => caches.match(`${home}capture`, {cacheName: shelf});

// The console's own page; without a line photos can be taken all the same.
async function otherwise(request) {
  try {
    return await fetch(request);
  } catch (error) {
    const copy = await copyOf();
    if (copy) return copy;
    throw error;
  }
}

// From the network where it answers, so that nobody works on an old page for long.
async function pageFor(request) {
  const copy = await copyOf();
  try {
    const answer = await fetch(request, copy ? {signal: AbortSignal.timeout(SOON)} : {});
    return copy && (answer.status >= 500 || answer.status === 429) ? copy : answer;
  } catch (error) {
    if (copy) return copy;
    throw error;
  }
}

self.addEventListener("sync", (event) => {
  if (event.tag === "vindrop-send") event.waitUntil(sendAll());
});

async function sendAll() {
  reachApi(home);
  let left = false;
  await navigator.locks.request(room, {ifAvailable: true}, async (lock) => {
    if (lock) left = await sendEach(await openStore(room));  // else an open page does it
  });
  for (const client of await self.clients.matchAll()) client.postMessage("changed");
  if (left) throw new Error("photos are left: the browser comes back later");
}

// Returns whether photos are left that may be sent later.
async function sendEach(store) {
  const items = (await store.all()).filter(isOpen).sort((one, other) => one.at - other.at);
  for (const item of items) {
    const keep = (fields) => store.put(Object.assign(item, fields, {changes: item.changes + 1}));
    try {
      const blob = await store.blob(item.id);
      if (!blob) continue;  // the page says so
      const options = {limits: given, tell: () => {}, keep, signal: AbortSignal.timeout(ONE_PHOTO)};
      await keep({state: "done", reading: await sendPhoto(item, blob, options), problem: null, sentAt: Date.now()});
    } catch (error) {
      const problem = error.fields ?? {name: "unknown", detail: String(error)};
      const final = FINAL.has(problem.name);
      await keep({state: final ? "refused" : "waiting", problem, tries: item.tries + 1});
      if (!final) return true;
    }
  }
  return false;
}
