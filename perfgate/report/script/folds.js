// What is folded: opened for a link into it, and for paper.

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
