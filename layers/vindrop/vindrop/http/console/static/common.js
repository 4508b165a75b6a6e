// What every page of the console does: words, requests, the session, times, thumbnails.

const meta = (name) => document.querySelector(`meta[name="${name}"]`)?.content ?? "";
export const base = meta("base");
export const who = meta("who");
const VERSION = meta("version");
const words = JSON.parse(document.getElementById("words").textContent);

/** Says the words called `name`, with what stands in braces replaced; of a count of 1, those for one. */
export const say = (name, values = {}) =>
  ((values.count === 1 && words[`${name}1`]) || (words[name] ?? name)).replace(/\{(\w+)\}/g, (_, key) => String(values[key] ?? ""));

/** What went wrong with a request; `name` is the problem's, or "offline". */
export class Problem extends Error {
  constructor(name, status, detail, more = {}) {
    super(detail || say(`js.problem.${name}`));
    Object.assign(this, { name, status, detail, more });
  }

  get sentence() {
    const own = words[`js.problem.${this.name}`];
    if (own && this.detail) return say("js.problem.sentences", { what: own, detail: this.detail });
    return own ?? this.detail ?? this.name;
  }

  /** Whether the same request may succeed later. */
  get passes() {
    return ["offline", "elsewhere"].includes(this.name) || this.status === 429 || this.status >= 500;
  }
}

let csrf = meta("csrf");
let warned = false;

/** Asks the function, and returns what it says. Throws a Problem. */
export async function api(method, path, body, { seconds = 60, ...more } = {}) {
  const headers = { "X-CSRF-Token": csrf, ...more.headers };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer;
  let text;
  try {
    answer = await fetch(base + path, {
      method, headers, body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin", signal: AbortSignal.timeout(seconds * 1000),
    });
    text = await answer.text();
  } catch {
    throw new Problem("offline", 0, "");
  }
  const version = answer.headers.get("X-Console-Version");
  if (version && version !== VERSION) deployed();
  const said = parsed(text);
  if (answer.ok && (said || answer.status === 204)) return said ?? {};
  // Without its cookie a page of ours is signed out, whatever else the function says of keys.
  if (answer.status === 401 && path !== "/v1/session") throw new Problem("signed-out", 401, "", said ?? {});
  // A gateway, or a proxy that wants a sign-in: it says nothing of what was asked, so that is asked again.
  if (!String(said?.type).startsWith("urn:vindrop:problem:")) {
    throw new Problem(answer.status >= 500 ? "internal" : "elsewhere", answer.status, "");
  }
  throw new Problem(said.type.split(":").pop(), answer.status, said.detail ?? "", said);
}

function parsed(text) {
  try { return JSON.parse(text); } catch { return null; }
}

/** Renews the session's token, after somebody has signed in again in another tab. */
export async function renewed() {
  try {
    const session = await api("GET", "/v1/session");
    csrf = session.csrf;
    return session.name === who;
  } catch { return false; }
}

// A page that was loaded before a deployment still works: the API only ever gains. It says so once.
function deployed() {
  if (warned) return;
  warned = true;
  const again = element("button", { type: "button", class: "button small", text: say("js.reload") });
  again.addEventListener("click", () => location.reload());
  notice(say("js.deployed"), again);
}

/** Shows a sentence at the top of the page; an empty one takes it away. */
export function notice(text, ...more) {
  const place = document.getElementById("notice");
  place.replaceChildren(...(text ? [text, ...more] : []));
}

/** Makes an element. */
export function element(tag, { text, class: kind, ...attributes } = {}, ...children) {
  const made = document.createElement(tag);
  if (kind) made.className = kind;
  if (text !== undefined) made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(name, "");
    else if (value !== undefined && value !== null && value !== false) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

/** Writes times in the browser's own zone. */
export function localTimes(root = document) {
  for (const each of root.querySelectorAll("time[datetime]")) {
    const at = new Date(each.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    each.textContent = at.toLocaleString(document.documentElement.lang, {
      year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit",
    });
    each.title = `${each.dateTime} UTC`;
  }
}

/** Where a photo is: asks for it, small or whole. Of what has no picture a small one is none, with the reason. */
export async function photoOf(id, size) {
  const found = await api("GET", `/v1/photos/${id}?size=${size}`);
  if (found.src === null) throw new Problem(found.problem, 200, found.detail);
  return found.src;
}

/** Loads thumbnails as they come into view, a few at a time. */
export function thumbnails(root = document) {
  const waiting = [];
  let running = 0;
  const pump = () => {
    while (running < 4 && waiting.length) {
      const image = waiting.shift();
      running += 1;
      photoOf(image.dataset.photo, "thumb")
        .then((src) => { image.src = src; })
        .catch((problem) => { image.title = problem.sentence ?? ""; image.classList.add("missing"); })
        .finally(() => { running -= 1; pump(); });
    }
  };
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      seen.unobserve(entry.target);
      waiting.push(entry.target);
    }
    pump();
  }, { rootMargin: "300px" });
  for (const image of root.querySelectorAll("img[data-photo]:not([data-watched])")) {
    image.dataset.watched = "";
    seen.observe(image);
  }
}

document.addEventListener("click", async (event) => {
  const act = event.target.closest("[data-act]");
  if (!act) return;
  if (act.dataset.act === "language") {
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `vindrop-language=${act.dataset.language}; Path=/; Max-Age=31536000; SameSite=Strict${secure}`;
    try { localStorage.setItem("vindrop-language", act.dataset.language); } catch { /* the cookie is enough */ }
    location.reload();
  } else if (act.dataset.act === "sign-out") {
    try { await api("DELETE", "/v1/session"); } catch { /* it has ended already */ }
    location.assign(`${base}/sign-in`);
  }
});

// A click beside an open menu closes it.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

localTimes();
