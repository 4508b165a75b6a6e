// What the page says, in English and Chinese.
import {byId} from "./dom.js";

const LANGUAGES = ["en", "zh"];  // in the order in which each of the words stands there
const LANGUAGE = "vindrop-language";
const words = JSON.parse(byId("words").textContent);
const listeners = [];
let language = "en";

export const isEnglish = () => language === "en";
export const spoken = (both) => both?.[LANGUAGES.indexOf(language)];
export const say = (name, values = {}) =>
  (spoken(words[name]) ?? name).replace(/\{(\w+)\}/g, (_, key) => String(values[key] ?? ""));
export const sayProblem = (name) => spoken(words.problems[name] ?? words.problems.unknown);
export const sayRegion = (name) => spoken(words.regions[name]) ?? name;
export const onLanguage = (listener) => listeners.push(listener);
export const clock = (time) =>
  new Date(time).toLocaleTimeString(document.documentElement.lang, {hour: "2-digit", minute: "2-digit"});
// "1 photo", "3 photos": the word for one ends in 1.
export const sayMany = (name, count, values = {}) =>
  say(count === 1 && words[`${name}1`] ? `${name}1` : name, {count, ...values});

export function speak(wanted) {
  language = wanted === "zh" ? "zh" : "en";
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  document.title = `vindrop · ${say("title")}`;
  for (const each of document.querySelectorAll("[data-text]")) each.textContent = say(each.dataset.text);
  for (const each of document.querySelectorAll("[data-label]")) each.setAttribute("aria-label", say(each.dataset.label));
  for (const each of document.querySelectorAll("[data-language]"))
    each.setAttribute("aria-pressed", String(each.dataset.language === language));
  for (const listener of listeners) listener();
}

export function startSpeaking() {
  let kept = "";
  try { kept = localStorage.getItem(LANGUAGE) ?? ""; } catch { /* then the browser's own */ }
  for (const each of document.querySelectorAll("[data-language]")) {
    each.addEventListener("click", () => {
      try { localStorage.setItem(LANGUAGE, each.dataset.language); } catch { /* for this page only */ }
      speak(each.dataset.language);
    });
  }
  speak(kept || (navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en"));
}
