// Keys for the operators' list: j and k move, a, g, s and n open a form, Enter opens the alert, Escape closes, ? helps.
// Single characters can be turned off (WCAG 2.1.4): who speaks to the computer would set off whatever they spell.
"use strict";

const KEYS = "keys";
const singles = () => localStorage.getItem(KEYS) !== "off";
const chosen = document.querySelector("#keys input");
if (chosen) {
  chosen.checked = singles();
  chosen.disabled = false;
  chosen.addEventListener("change", () => localStorage.setItem(KEYS, chosen.checked ? "on" : "off"));
}

const rows = () => [...document.querySelectorAll("[data-row]")];
const typing = (element) => element.matches("input:not([type=checkbox]), textarea, select");

function move(step) {
  const all = rows();
  const at = all.findIndex((row) => row.contains(document.activeElement));
  all[Math.max(0, Math.min(all.length - 1, at < 0 ? 0 : at + step))]?.focus();
}

// A form of the list is text until it is opened. The list came in a message that is the same for everybody; the token
// that a form must carry is this session's own.
function unfold(details) {
  const text = details.querySelector(":scope > noscript");
  if (!text) return;
  text.outerHTML = text.textContent;
  details.querySelector("input[name=csrf]").value = document.body.dataset.csrf;
}
addEventListener("toggle", (event) => unfold(event.target), true);

function open(key) {
  const row = document.activeElement?.closest("[data-row]") ?? rows()[0];
  const form = row?.querySelector(`details[data-key="${key}"]`);
  if (!form) return;
  unfold(form);
  form.open = true;
  form.querySelector("input:not([type=hidden]), button").focus();
}

addEventListener("renewed", () => {
  const firing = document.querySelector("[data-firing]")?.dataset.firing;
  const plain = document.title.replace(/^\(\d+\) /, "");
  if (firing !== undefined) document.title = Number(firing) ? `(${firing}) ${plain}` : plain;
});

addEventListener("keydown", (event) => {
  if (event.isComposing || event.ctrlKey || event.altKey || event.metaKey) return; // Escape takes back a syllable too
  if (event.key === "Escape") {
    const form = document.activeElement?.closest("details[data-key], .heap");
    if (form) {
      form.open = false;
      (form.closest("[data-row]") ?? form.querySelector("summary")).focus();
    }
    return;
  }
  if (typing(event.target) || document.querySelector("dialog[open]")) return;
  if (event.key === "Enter" && event.target.dataset?.row) location.href = event.target.dataset.row;
  else if (!singles()) return;
  else if (event.key === "j" || event.key === "k") move(event.key === "j" ? 1 : -1);
  else if ("agsn".includes(event.key)) open(event.key);
  else if (event.key === "?") document.querySelector("#help")?.showModal();
  else return;
  event.preventDefault();
});
