// A key opens a session; one behind the # of a link does so once somebody has seen whose it is.

import { api, base, say } from "./common.js";

const byId = (id) => document.getElementById(id);
const form = byId("sign-in");
const field = byId("key");
const wrong = byId("wrong");

function go() { location.replace(base + form.dataset.next); }

async function signIn(key) {
  wrong.textContent = "";
  try {
    await api("POST", "/v1/session", { key });
    go();
  } catch (problem) {
    wrong.textContent = problem.sentence;
    form.hidden = false;
    field.value = "";
    field.focus();
  }
}

// Anybody can send a link with a key of their own: who follows it would then work in their name. So
// nobody is signed in by a link unasked, and no session gives way to another in silence.
async function offer(key) {
  const role = (of) => form.getAttribute(`data-role-${of.role}`) ?? of.role;
  const mine = await api("GET", "/v1/session").catch(() => null);
  let theirs;
  try { theirs = await api("GET", "/v1/session", undefined, { headers: { "X-API-Key": key } }); } catch (problem) {
    wrong.textContent = problem.sentence;
    return;
  }
  if (mine?.name === theirs.name) { go(); return; }
  form.hidden = true;
  byId("offer").hidden = false;
  byId("offer-says").textContent = [
    say("sign_in.by_link", { name: theirs.name, role: role(theirs) }),
    mine ? say("sign_in.instead", { name: mine.name, role: role(mine) }) : "",
  ].join(" ");
  byId("offer-take").textContent = say("sign_in.take", { name: theirs.name });
  byId("offer-leave").textContent = mine ? say("sign_in.stay", { name: mine.name }) : say("sign_in.leave");
  byId("offer-take").onclick = () => signIn(key);
  byId("offer-leave").onclick = () => {
    if (mine) { go(); return; }
    byId("offer").hidden = true;
    form.hidden = false;
    field.focus();
  };
  byId("offer-leave").focus();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const key = field.value.trim();
  if (key) signIn(key);
});

// A browser never sends what stands behind the #, and it leaves the address at once.
const brought = new URLSearchParams(location.hash.slice(1)).get("key");
if (brought) {
  history.replaceState(null, "", location.pathname + location.search);
  offer(brought);
} else {
  // The cookie does not come along with a link from elsewhere (SameSite=Strict): look again from here.
  api("GET", "/v1/session").then(go).catch(() => {});
}
