// The function's API: requests, sessions, and problems as it tells them (RFC 9457).

export class Problem extends Error {
  constructor(fields) {
    super(fields.name);
    this.fields = fields;
  }
}

const BY_STATUS = {401: "signed-out", 413: "photo-too-large", 429: "too-many-requests", 500: "internal",
  502: "vinocr-failed", 503: "vinocr-unavailable", 504: "timeout"};
const SESSION_PATIENCE = 30_000;  // milliseconds for an answer that needs no work
let root = "";       // where the API is: the page may be mounted under a prefix
let signedIn = null; // {name, role, csrf, ends}, once it is known
let opening = null;  // a sign-in under way: whoever needs the session waits for it

export const reachApi = (base) => { root = base; };
export const whoIs = () => signedIn;

const cutOff = (error) => new Problem({name: error?.name === "TimeoutError" ? "timeout" : "offline"});

// fetch tells nothing of how far an upload has come, so a page sends by XMLHttpRequest.
function byXhr(method, url, headers, body, {signal, progress}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => { if (event.lengthComputable) progress(event.loaded, event.total); };
    request.upload.onload = () => progress(1, 1);
    request.onload = () => resolve({status: request.status, text: request.responseText,
      header: (name) => request.getResponseHeader(name)});
    request.onerror = () => reject(cutOff());
    request.onabort = () => reject(signal?.reason?.name === "TimeoutError" ? cutOff(signal.reason) : signal?.reason);
    signal?.addEventListener("abort", () => request.abort());
    if (signal?.aborted) request.abort();
    else request.send(body);
  });
}

async function byFetch(method, url, headers, body, {signal}) {
  try {
    const answer = await fetch(url, {method, headers, body, signal, credentials: "same-origin", cache: "no-store"});
    const text = await answer.text();
    return {status: answer.status, text, header: (name) => answer.headers.get(name)};
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw cutOff(error);
  }
}

export const transfer = (method, url, headers, body, options = {}) =>
  (options.progress && typeof XMLHttpRequest === "function" ? byXhr : byFetch)(method, url, headers, body, options);

// One request; answers with the JSON, or throws a Problem.
export async function call(method, path, body, options = {}) {
  const headers = {...(body === undefined ? {} : {"Content-Type": "application/json"}), ...options.headers};
  const content = body === undefined || body instanceof Blob ? body : JSON.stringify(body);
  const answer = await transfer(method, root + path, headers, content, options);
  let said = null;
  try { said = JSON.parse(answer.text); } catch { /* a gateway's own page, or that of a proxy */ }
  // A page that asks for a sign-in is no reading: what was sent is sent again.
  if (answer.status === 204 || (answer.status >= 200 && answer.status < 300 && said)) return said ?? {};
  said ??= {};
  throw new Problem({
    name: String(said.type ?? "").split(":").pop() || BY_STATUS[answer.status] || "unknown",
    detail: said.detail ?? `HTTP ${answer.status}`,
    code: said.code,
    request: said.request_id ?? answer.header("X-Request-Id"),
    wait: Number(answer.header("Retry-After")) || 0,
    ...(said.review ? {review: said.review} : {}),
  });
}

// ---- the session --------------------------------------------------------------------------
export async function session(fresh = false) {
  await opening?.catch(() => {});
  if (!signedIn || fresh)
    signedIn = await call("GET", "v1/session", undefined, {signal: AbortSignal.timeout?.(SESSION_PATIENCE)});
  return signedIn;
}

// Whose key it is; opens no session.
export const whose = (key) =>
  call("GET", "v1/session", undefined, {headers: {"X-API-Key": key}, signal: AbortSignal.timeout?.(SESSION_PATIENCE)});

export function signIn(key) {
  const asked = call("POST", "v1/session", {key}).then((opened) => { signedIn = opened; });
  opening = asked;
  return asked.finally(() => { if (opening === asked) opening = null; });
}

export async function signOut() {
  const {csrf} = await session();
  await call("DELETE", "v1/session", undefined, {headers: {"X-CSRF-Token": csrf}});
  signedIn = null;
}

// A POST under the session, which may have been opened anew in another tab meanwhile.
export async function post(path, body, options = {}) {
  const known = signedIn !== null;
  const once = async (fresh) => {
    const {csrf} = await session(fresh);
    return call("POST", path, body, {...options, headers: {"X-CSRF-Token": csrf, ...options.headers}});
  };
  try {
    return await once(false);
  } catch (error) {
    const name = error.fields?.name;
    if (name === "signed-out") signedIn = null;
    if (!known || (name !== "cross-site" && name !== "signed-out")) throw error;
    return once(true);
  }
}
