"use strict";

// The rule of ctxzip.selection for --threshold alone: keep the candidates that reach the threshold, and always the
// best one; headings and table headers are kept with the units under them.

const find = (selector, inside = document) => [...inside.querySelectorAll(selector)];
const plural = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
const share = (part, whole) => `${(whole ? (100 * part) / whole : 0).toFixed(1)}%`;

const records = find(".record").map((section) => ({
  section,
  total: section.querySelector(".total"),
  atFirst: section.querySelector(".total").textContent,
  tokens: Number(section.dataset.tokens),
  share: document.querySelector(`[data-share="${section.id.replace("record-", "")}"]`),
  documents: find("details", section).map((details) => ({
    counts: details.querySelector(".counts"),
    atFirst: details.querySelector(".counts").textContent,
    units: [],
  })),
  units: new Map(),
}));

for (const record of records) {
  record.shareAtFirst = record.share?.textContent;
  find("details", record.section).forEach((details, at) => {
    for (const element of find(".unit", details)) {
      const { index, probability, tokens, kind, free, parent, reason } = element.dataset;
      const unit = {
        element,
        index: Number(index),
        probability: Math.fround(Number(probability)),
        shown: Number(probability).toFixed(4),
        tokens: Number(tokens),
        kind: kind.replace("_", " "),
        free: free !== undefined,
        parent: parent === undefined ? null : Number(parent),
        kept: element.classList.contains("kept"),
        reason,
      };
      unit.keptAtFirst = unit.kept;
      unit.reasonAtFirst = reason;
      record.documents[at].units.push(unit);
      record.units.set(unit.index, unit);
    }
  });
}
const unitOf = new Map(records.flatMap((record) => [...record.units.values()].map((unit) => [unit.element, unit])));

function select(record, threshold) {
  const units = [...record.units.values()].sort((a, b) => a.index - b.index);
  const free = units.filter((unit) => unit.free);
  const best = free.reduce((a, b) => (a === null || b.probability > a.probability ? b : a), null);
  for (const unit of units) {
    unit.kept = false;
    unit.reason = unit.free ? `probability below ${threshold}` : "no unit under it is kept, or its document is not among the most relevant";
  }
  for (const unit of free) {
    if (unit !== best && unit.probability < Math.fround(threshold)) continue;
    for (let at = unit; at; at = at.parent === null ? null : record.units.get(at.parent)) {
      at.kept = true;
      at.reason = undefined;
    }
  }
}

function show(threshold) {
  let before = 0;
  let after = 0;
  for (const record of records) {
    let kept = 0;
    for (const part of record.documents) {
      const inside = part.units.filter((unit) => unit.kept);
      const tokens = inside.reduce((sum, unit) => sum + unit.tokens, 0);
      const all = part.units.reduce((sum, unit) => sum + unit.tokens, 0);
      kept += tokens;
      for (const unit of part.units) unit.element.classList.toggle("kept", unit.kept);
      part.counts.textContent =
        threshold === null
          ? part.atFirst
          : `${inside.length} of ${plural(part.units.length, "unit")}, ${tokens.toLocaleString("en")} of ${all.toLocaleString("en")} tokens`;
    }
    before += record.tokens;
    after += kept;
    record.total.textContent =
      threshold === null
        ? record.atFirst
        : `${record.tokens.toLocaleString("en")} → about ${kept.toLocaleString("en")} tokens (${share(kept, record.tokens)} kept)`;
    if (record.share) record.share.textContent = threshold === null ? record.shareAtFirst : share(kept, record.tokens);
  }
  document.getElementById("state").textContent =
    threshold === null
      ? "Selected by the budget."
      : `Selected by --threshold ${threshold} alone: ${before.toLocaleString("en")} → about ${after.toLocaleString("en")} tokens (${share(after, before)} kept).`;
}

const slider = document.getElementById("threshold");
const exact = document.getElementById("exact");

function move(source, other) {
  const threshold = Number(source.value);
  if (source.value === "" || !(threshold >= 0 && threshold <= 1)) return;
  other.value = source.value;
  for (const record of records) select(record, threshold);
  show(threshold);
  hideNote();
}
slider.addEventListener("input", () => move(slider, exact));
exact.addEventListener("input", () => move(exact, slider));
document.querySelector("form").addEventListener("submit", (event) => event.preventDefault());

document.getElementById("reset").addEventListener("click", () => {
  for (const unit of unitOf.values()) {
    unit.kept = unit.keptAtFirst;
    unit.reason = unit.reasonAtFirst;
  }
  slider.value = slider.defaultValue;
  exact.value = exact.defaultValue;
  show(null);
});

const toggle = document.getElementById("toggle");
const someClosed = () => find("details:not([open])").length > 0;
const nameToggle = () => (toggle.textContent = someClosed() ? "Open all documents" : "Close all documents");
toggle.addEventListener("click", () => {
  const open = someClosed();
  for (const details of find("details")) details.open = open;
});
// The event "toggle" does not bubble, and fires after the click.
document.addEventListener("toggle", nameToggle, true);
nameToggle();
document.getElementById("hide").addEventListener("change", (event) => {
  document.body.classList.toggle("hide-dropped", event.target.checked);
});

const note = document.getElementById("note");

function showNote(unit) {
  const decision = unit.kept ? "Kept" : "Dropped";
  const reason = unit.reason ? `: ${unit.reason}` : "";
  note.textContent = `${decision}, probability ${unit.shown}, ${unit.kind} of ${plural(unit.tokens, "token")}${reason}`;
  note.hidden = false;
  const lines = unit.element.getClientRects();
  const line = lines[lines.length - 1];
  const left = Math.min(line.left, document.documentElement.clientWidth - note.offsetWidth - 8);
  const below = line.bottom + note.offsetHeight + 8 < document.documentElement.clientHeight;
  note.style.left = `${Math.max(left, 8) + scrollX}px`;
  note.style.top = `${(below ? line.bottom + 6 : lines[0].top - note.offsetHeight - 6) + scrollY}px`;
}
function hideNote() {
  note.hidden = true;
}

const unitAt = (event) => unitOf.get(event.target.closest?.(".unit"));
document.addEventListener("mouseover", (event) => {
  const unit = unitAt(event);
  if (unit) showNote(unit);
  else hideNote();
});
document.addEventListener("focusin", (event) => {
  const unit = unitAt(event);
  if (!unit) return hideNote();
  unit.element.setAttribute("aria-describedby", "note");
  showNote(unit);
});
document.addEventListener("focusout", (event) => {
  unitAt(event)?.element.removeAttribute("aria-describedby");
  hideNote();
});

// One tab stop for each document; arrow keys move inside it.
const steps = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") return hideNote();
  const unit = unitAt(event);
  if (!unit || !(event.key in steps) || event.ctrlKey || event.metaKey || event.altKey) return;
  const row = find(".unit", unit.element.closest(".text")).filter((element) => element.offsetParent !== null);
  const next = row[row.indexOf(unit.element) + steps[event.key]];
  event.preventDefault();
  if (!next) return;
  unit.element.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
});
