// A key opens a session; a key behind the # of a link does so at once.

import { api, base } from "./common.js";

const form = document.getElementById("sign-in");
const field = document.getElementById("key");
const wrong = document.getElementById("wrong");

function go() { location.replace(base + form.dataset.next); }

async function signIn(key) {
  wrong.textContent = "";
  try {
    await api("POST", "/v1/session", { key });
    go();
  } catch (problem) {
    wrong.textContent = problem.sentence;
    field.value = "";
    field.focus();
  }
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
  signIn(brought);
} else {
  // The cookie does not come along with a link from elsewhere (SameSite=Strict): look again from here.
  api("GET", "/v1/session").then(go).catch(() => {});
}
