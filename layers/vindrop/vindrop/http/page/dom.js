// Small helpers for the page's elements.

export const byId = (id) => document.getElementById(id);

export function element(tag, text = "", className = "") {
  const made = document.createElement(tag);
  if (text) made.textContent = text;
  if (className) made.className = className;
  return made;
}

export function button(text, className, pressed) {
  const made = element("button", text, className);
  made.type = "button";
  made.addEventListener("click", pressed);
  return made;
}

export const hide = (...ids) => ids.forEach((id) => { byId(id).hidden = true; });
export const reveal = (...ids) => ids.forEach((id) => { byId(id).hidden = false; });

export function facts(list, pairs) {
  list.replaceChildren(...pairs.filter(([, value]) => value).flatMap(([name, value]) =>
    [element("dt", name), element("dd", String(value))]));
}

// Moves the focus only where nobody is just using something else.
export function focusGently(target) {
  const busy = document.activeElement;
  const using = busy?.matches("input:not([type=file]), textarea, summary, button") && !busy.closest("[hidden]");
  if (!using) target.focus({preventScroll: true});
}

export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {  // no permission, or a page without HTTPS
    const back = document.activeElement;
    const field = element("textarea", text);
    document.body.append(field);
    field.select();
    const copied = document.execCommand("copy");
    field.remove();
    back?.focus();
    return copied;
  }
}
