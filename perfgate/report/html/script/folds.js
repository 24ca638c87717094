// Collapsed parts: expanded when a link leads into them, and for printing.

const unfold = (node) => {
  for (let fold = node?.closest("details"); fold; fold = fold.parentNode.closest("details")) fold.open = true;
};
const target = () => unfold(document.getElementById(decodeURIComponent(location.hash.slice(1))));
addEventListener("hashchange", target);
target();

let shut = [];
addEventListener("beforeprint", () => {
  shut = [...document.querySelectorAll("details:not([open])")];
  for (const fold of shut) fold.open = true;
});
addEventListener("afterprint", () => {
  for (const fold of shut) fold.open = false;
});

// A box that scrolls is focusable, unless something inside it is.
const watch = new ResizeObserver((entries) => {
  for (const { target: box } of entries) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
});
for (const box of document.querySelectorAll(".scroll, figure, pre")) {
  if (!box.querySelector("a, button, summary, [tabindex]")) watch.observe(box);
}
