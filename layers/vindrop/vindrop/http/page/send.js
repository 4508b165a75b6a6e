// Sends one photo. Sent again after whatever broke off, it is the same upload and not paid for
// again: the function knows a photo by its bytes, and a large one by the object that it was put to.
import {Problem, post, transfer} from "./api.js";

const base64 = (blob) => new Promise((resolve, reject) => {
  const reader = new FileReader();
  reader.onload = () => resolve(String(reader.result).split(",", 2)[1] ?? "");
  reader.onerror = () => reject(new Problem({name: "photo-damaged", detail: "the browser could not read the file"}));
  reader.readAsDataURL(blob);
});

// limits: what the gateway and the settings take. tell: is told (part, loaded, total). keep: keeps
// what a later try must know. Returns the reading.
export async function sendPhoto(item, blob, {limits, tell, keep, signal}) {
  const options = {signal, progress: (loaded, total) => tell(loaded < total ? "uploading" : "reading", loaded, total)};
  if (blob.size === 0) throw new Problem({name: "empty-photo"});
  if (item.object) {
    try {
      tell("reading", 1, 1);
      return await post("v1/vin", item.object, {signal});
    } catch (error) {
      if (error.fields?.name !== "object-missing") throw error;
      await keep({object: null});  // its bucket has tidied up: it is put there again
    }
  }
  if (blob.size <= limits.inline) {
    const said = JSON.stringify({ImageBase64: "", ...(item.reference ? {reference: item.reference} : {})});
    const body = new Blob([said.replace('"ImageBase64":""', `"ImageBase64":"${await base64(blob)}"`)]);
    return post("v1/vin", body, options);
  }
  if (!limits.uploads || blob.size > limits.most) throw new Problem({name: "photo-too-large"});
  const object = await putIntoBucket(item, blob, options);
  await keep({object});
  tell("reading", 1, 1);
  return post("v1/vin", object, {signal});
}

async function putIntoBucket(item, blob, options) {
  const wanted = {size: blob.size, type: blob.type, ...(item.reference ? {reference: item.reference} : {})};
  const place = await post("v1/uploads", wanted, {signal: options.signal, headers: {"Idempotency-Key": item.digest || item.id}});
  let answer;
  try {
    answer = await transfer(place.method, place.url, place.headers, blob, options);
  } catch (error) {
    if (error.fields?.name !== "offline") throw error;
    const {host} = new URL(place.url);
    throw new Problem({name: "upload-failed", detail: `no answer from ${host}`,
      said: ["bucketSilent", {host, origin: location.origin}]});
  }
  if (answer.status >= 200 && answer.status < 300) return place.object;
  const code = /<Code>([\w.]{1,64})<\/Code>/.exec(answer.text)?.[1];
  const detail = `HTTP ${answer.status}${code ? `: ${code}` : ""}`;
  throw new Problem({name: "upload-failed", detail, code, said: ["bucketRefused", {detail}]});
}
