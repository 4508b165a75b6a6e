"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const config = JSON.parse(byId("config").textContent);
  const words = JSON.parse(byId("words").textContent);
  const LANGUAGES = ["en", "zh"];  // in the order in which each of the words stands there
  // The gateway may have mounted the page under a prefix: the API is beside it.
  const base = location.pathname.replace(/\/*$/, "/");
  const KEY = "vindrop-key";
  const GROUPS = [["wmi", 0, 3], ["vds", 3, 9], ["vis", 9, 17]];
  const PATIENCE = 120_000;  // milliseconds for all of it: uploading, waiting, reading
  const RETRYABLE = new Set(["too-many-requests", "internal", "vinocr-failed", "storage-failed",
    "vinocr-unavailable", "store-unavailable", "account-blocked", "timeout", "offline", "upload-failed", "unknown"]);

  let language = "en";
  let photo = null;       // the File that is shown
  let shown = null;       // what is shown: {reading} or {problem}
  let run = 0;            // a newer photo makes an older answer void
  let stop = null;
  let asking = false;     // whether a photo waits for the key

  // ---- words -------------------------------------------------------------------------------
  const spoken = (both) => both?.[LANGUAGES.indexOf(language)];
  const say = (name, values = {}) =>
    (spoken(words[name]) ?? name).replace(/\{(\w+)\}/g, (_, key) => String(values[key] ?? ""));

  function speak(wanted) {
    language = wanted === "zh" ? "zh" : "en";
    document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
    document.title = `vindrop · ${say("title")}`;
    for (const each of document.querySelectorAll("[data-text]")) each.textContent = say(each.dataset.text);
    for (const each of document.querySelectorAll("[data-label]")) each.setAttribute("aria-label", say(each.dataset.label));
    for (const each of document.querySelectorAll("[data-language]"))
      each.setAttribute("aria-pressed", String(each.dataset.language === language));
    byId("preview").alt = say("yourPhoto");
    if (!byId("no-preview").hidden) byId("no-preview").textContent = say("noPreview", {name: photo?.name ?? ""});
    if (!byId("key-wrong").hidden) byId("key-wrong").textContent = say("keyWrong");
    if (document.body.classList.contains("busy")) byId("status").textContent = say("reading");
    if (shown?.reading) showReading(shown.reading);
    if (shown?.problem) showProblem(shown.problem);
  }

  // ---- the key -----------------------------------------------------------------------------
  // sessionStorage may be forbidden: then the key lives as long as the page.
  let keyHere = "";
  const remember = (key) => { keyHere = key; try { sessionStorage.setItem(KEY, key); } catch { /* kept above */ } };
  const forget = () => { keyHere = ""; try { sessionStorage.removeItem(KEY); } catch { /* nothing there */ } };
  const key = () => { try { return sessionStorage.getItem(KEY) || keyHere; } catch { return keyHere; } };

  function askKey(refused) {
    asking = true;
    hide("result", "trouble");
    byId("key").hidden = false;
    byId("key-wrong").hidden = !refused;
    byId("key-wrong").textContent = refused ? say("keyWrong") : "";
    byId("key-input").value = "";
    byId("key-input").focus();
  }

  // ---- showing -----------------------------------------------------------------------------
  const hide = (...ids) => ids.forEach((id) => { byId(id).hidden = true; });

  function busy(on, text = "") {
    document.body.classList.toggle("busy", on);
    byId("beam").hidden = !on;
    for (const id of ["take", "choose"]) byId(id).disabled = on;
    byId("status").textContent = text;
  }

  function element(tag, text = "", className = "") {
    const made = document.createElement(tag);
    if (text) made.textContent = text;
    if (className) made.className = className;
    return made;
  }

  function facts(list, pairs) {
    list.replaceChildren(...pairs.filter(([, value]) => value).flatMap(([name, value]) =>
      [element("dt", name), element("dd", String(value))]));
  }

  function showReading(reading) {
    shown = {reading};
    hide("trouble", "key");
    document.body.classList.add("shown");  // the introduction has done its work
    const card = byId("result");
    card.className = `card result ${reading.verdict}`;
    byId("verdict").textContent = say(reading.verdict);
    byId("verdict-text").textContent = say(`${reading.verdict}Text`);
    const doubts = reading.doubts ?? [];
    const marks = new Map(doubts.map((doubt) => [doubt.position - 1, doubt.why]));
    const groups = GROUPS.map(([name, from, to]) => {
      const letters = element("div", "", "letters");
      for (let at = from; at < to; at++) {
        letters.append(element("span", reading.vin[at], marks.has(at) ? `letter doubt ${marks.get(at)}` : "letter"));
      }
      const group = element("div", "", "group");
      group.append(letters, element("small", say(name)));
      return group;
    });
    byId("vin").replaceChildren(...groups);
    byId("vin").setAttribute("aria-label", say("vin", {spelled: [...reading.vin].join(" ")}));
    byId("doubts").hidden = doubts.length === 0;
    byId("doubts").replaceChildren(...doubts.map((doubt) => {
      const line = element("li", "", doubt.why);
      line.append(element("b", doubt.character), element("span", say(`${doubt.why}Mark`, doubt)));
      return line;
    }));
    facts(byId("facts"), [
      [say("maker"), reading.maker],
      [say("year"), reading.model_year],
      [say("region"), reading.region && (spoken(words.regions[reading.region]) ?? reading.region)],
      [say("asRead"), reading.as_read === reading.vin ? "" : reading.as_read],
    ]);
    byId("copy-text").textContent = say("copy");
    card.hidden = false;
  }

  function showProblem(problem) {
    shown = {problem};
    hide("result", "key");
    const [title, todo] = spoken(words.problems[problem.name] ?? words.problems.unknown);
    byId("trouble-title").textContent = title;
    byId("trouble-todo").textContent = problem.wait ? `${todo} ${say("wait", {seconds: problem.wait})}` : todo;
    byId("again").hidden = !RETRYABLE.has(problem.name) || !photo;
    byId("trouble-more").hidden = !problem.detail && !problem.code && !problem.request;
    byId("trouble-detail").textContent = problem.detail ?? "";
    byId("trouble-detail").lang = "en";
    facts(byId("trouble-ids"), [[say("code"), problem.code], [say("requestId"), problem.request]]);
    byId("trouble").hidden = false;
  }

  // ---- the API -----------------------------------------------------------------------------
  class Problem extends Error {
    constructor(fields) { super(fields.name); this.fields = fields; }
  }

  async function post(path, body, signal) {
    let answer;
    try {
      answer = await fetch(base + path, {
        method: "POST",
        headers: {"Content-Type": "application/json", "X-Api-Key": key()},
        body: JSON.stringify(body),
        signal,
      });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Problem({name: error.name === "TimeoutError" ? "timeout" : "offline"});
    }
    let said = {};
    try { said = await answer.json(); } catch { /* a gateway's own error page */ }
    if (answer.ok) return said;
    throw new Problem({
      name: said.type?.split(":").pop() ?? {401: "key-refused", 413: "photo-too-large", 429: "too-many-requests",
        502: "vinocr-failed", 503: "vinocr-unavailable", 504: "timeout"}[answer.status] ?? "unknown",
      detail: said.detail ?? `HTTP ${answer.status}`,
      code: said.code,
      request: said.request_id ?? answer.headers.get("X-Request-Id"),
      wait: Number(answer.headers.get("Retry-After")) || 0,
    });
  }

  const base64 = (file) => new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result).split(",", 2)[1] ?? "");
    reader.onerror = () => reject(new Problem({name: "photo-damaged", detail: "the browser could not read the file"}));
    reader.readAsDataURL(file);
  });

  // XMLHttpRequest, since fetch tells nothing of how far an upload has come.
  const put = (place, file, signal) => new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(place.method, place.url);
    for (const [name, value] of Object.entries(place.headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => {
      if (event.lengthComputable && !signal.aborted)
        byId("status").textContent = say("uploading", {percent: Math.round(100 * event.loaded / event.total)});
    };
    const failed = () => {
      const code = /<Code>([\w.]{1,64})<\/Code>/.exec(request.responseText)?.[1];
      const detail = request.status
        ? `the bucket answered HTTP ${request.status}${code ? `: ${code}` : ""}`
        : `the bucket at ${new URL(place.url).host} did not answer this page: there is no network, or the `
          + `bucket's CORS rule does not let ${location.origin} PUT`;
      reject(new Problem({name: "upload-failed", detail, code}));
    };
    request.onload = () => request.status >= 200 && request.status < 300 ? resolve() : failed();
    request.onerror = failed;
    request.onabort = () => reject(signal.reason.name === "TimeoutError" ? new Problem({name: "timeout"}) : signal.reason);
    signal.addEventListener("abort", () => request.abort());
    request.send(file);
  });

  async function ask(file, signal) {
    if (file.size === 0) throw new Problem({name: "empty-photo"});
    if (file.size <= config.inline) return post("v1/vin", {ImageBase64: await base64(file)}, signal);
    if (!config.uploads || file.size > config.most) throw new Problem({name: "photo-too-large"});
    const place = await post("v1/uploads", {size: file.size, type: file.type}, signal);
    await put(place, file, signal);
    byId("status").textContent = say("reading");
    return post("v1/vin", place.object, signal);
  }

  async function read() {
    if (!photo) return;
    if (!key()) return askKey(false);
    const mine = ++run;
    stop?.abort();
    stop = new AbortController();
    const mineToStop = stop;
    const timer = setTimeout(() => mineToStop.abort(new DOMException("", "TimeoutError")), PATIENCE);
    asking = false;
    shown = null;
    hide("result", "trouble", "key");
    busy(true, say("reading"));
    try {
      const reading = await ask(photo, stop.signal);
      if (mine !== run) return;
      busy(false, say("done"));
      showReading(reading);
      byId("verdict").focus({preventScroll: true});
      byId("result").scrollIntoView({block: "nearest"});
    } catch (error) {
      if (mine !== run || error.name === "AbortError") return;
      busy(false);
      const fields = error instanceof Problem ? error.fields : {name: "unknown", detail: String(error)};
      if (fields.name === "key-refused") { forget(); askKey(true); return; }
      showProblem(fields);
      byId("trouble-title").focus({preventScroll: true});
      byId("trouble").scrollIntoView({block: "nearest"});
    } finally {
      clearTimeout(timer);
    }
  }

  // ---- choosing ----------------------------------------------------------------------------
  let previewUrl = "";
  function choose(file) {
    if (!file || document.body.classList.contains("busy")) return;
    photo = file;
    URL.revokeObjectURL(previewUrl);
    previewUrl = URL.createObjectURL(file);
    const preview = byId("preview");
    preview.hidden = true;
    hide("no-preview");
    preview.onload = () => { preview.hidden = false; };
    preview.onerror = () => {
      byId("no-preview").textContent = say("noPreview", {name: file.name});
      byId("no-preview").hidden = false;
    };
    preview.src = previewUrl;
    byId("photo").classList.add("full");
    read();
  }

  for (const id of ["take", "choose"]) {
    byId(id).addEventListener("change", (event) => {
      choose(event.target.files[0]);
      event.target.value = "";  // the same photo may be chosen again
    });
  }
  const frame = byId("photo");
  for (const name of ["dragenter", "dragover"])
    document.addEventListener(name, (event) => { event.preventDefault(); frame.classList.add("over"); });
  for (const name of ["dragleave", "drop"])
    document.addEventListener(name, (event) => { event.preventDefault(); frame.classList.remove("over"); });
  document.addEventListener("drop", (event) => choose(event.dataTransfer?.files[0]));
  document.addEventListener("paste", (event) => choose(event.clipboardData?.files[0]));
  byId("again").addEventListener("click", read);
  byId("key").addEventListener("submit", (event) => {
    event.preventDefault();
    const given = byId("key-input").value.trim();
    if (!given) return;
    remember(given);
    hide("key");
    if (asking) read();
  });
  byId("copy").addEventListener("click", async () => {
    const vin = shown?.reading?.vin;
    if (!vin) return;
    let copied = true;
    try {
      await navigator.clipboard.writeText(vin);
    } catch {  // no permission, or a page without HTTPS
      const field = element("textarea", vin);
      document.body.append(field);
      field.select();
      copied = document.execCommand("copy");
      field.remove();
      byId("copy").focus();
    }
    byId("copy-text").textContent = say(copied ? "copied" : "copyFailed");
    byId("status").textContent = say(copied ? "copied" : "copyFailed");
  });
  for (const each of document.querySelectorAll("[data-language]")) {
    each.addEventListener("click", () => {
      try { localStorage.setItem("vindrop-language", each.dataset.language); } catch { /* for this page only */ }
      speak(each.dataset.language);
    });
  }

  // A link may bring the key behind the #, which no server ever sees; it leaves the address at once.
  const brought = new URLSearchParams(location.hash.slice(1)).get("key");
  if (brought) {
    remember(brought);
    history.replaceState(null, "", location.pathname + location.search);
  }
  let kept = "";
  try { kept = localStorage.getItem("vindrop-language") ?? ""; } catch { /* then the browser's own */ }
  speak(kept || (navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en"));
})();
