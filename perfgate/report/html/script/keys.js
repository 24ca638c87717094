// Single-key shortcuts for the whole page, and a list of them, in which they can be disabled.

const KEYS = [
  ["j, k", "next and previous section"],
  ["o", "expand or collapse everything"],
  ["?", "this list"],
  ["Tab", "next link, button or chart"],
  ["Enter", "on a column header: sort by this column"],
  ["\u2190, \u2192", "in a chart: values at each point"],
];

const listen = make("input", { type: "checkbox", id: "single-keys", checked: "" });
const help = make(
  "dialog", { class: "keys", "aria-label": "Keys" },
  make("h2", {}, "Keys"),
  make("table", {}, ...KEYS.map(([key, what]) => make("tr", {}, make("th", { scope: "row" }, key), make("td", {}, what)))),
  make("p", {}, listen, make("label", { for: "single-keys" }, " enable single-key shortcuts")),
  button("Close", () => help.close()),
);
document.body.append(help);
document.querySelector("nav ul")?.append(make("li", {}, button("Keys (?)", () => help.showModal())));

const visit = (step) => {
  const places = [...document.querySelectorAll("main section > h2, main h2")].filter((node) => node.offsetParent);
  const line = 8;
  const now = places.findLastIndex((node) => node.getBoundingClientRect().top <= line);
  const at = document.activeElement?.matches("main h2") ? places.indexOf(document.activeElement) : now;
  const place = places[Math.max(at + step, 0)];
  if (!place) return;
  place.tabIndex = -1;
  place.focus({ preventScroll: true });
  place.scrollIntoView();
};

const foldAll = () => {
  const folds = [...document.querySelectorAll("details")];
  const open = folds.some((fold) => !fold.open);
  for (const fold of folds) fold.open = open;
};

const ACTIONS = { j: () => visit(1), k: () => visit(-1), o: foldAll, "?": () => help.showModal() };

addEventListener("keydown", (event) => {
  const isTyping = event.target.matches?.("input, textarea, select") || event.ctrlKey || event.metaKey || event.altKey;
  if (isTyping || help.open || (!listen.checked && event.key !== "?")) return;
  const act = ACTIONS[event.key];
  if (act) {
    event.preventDefault();
    act();
  }
});
