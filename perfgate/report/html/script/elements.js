// Functions that the other parts build on. The page can be read without any script.

/** Make an element. Attributes and strings are never parsed as markup. */
const make = (tag, attributes = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
};

const button = (words, press, attributes = {}) => {
  const node = make("button", { type: "button", ...attributes }, words);
  node.addEventListener("click", press);
  return node;
};

const liveRegion = make("p", { role: "status", class: "unseen" });
document.body.append(liveRegion);

/** Announce a change to screen readers. */
const announce = (words) => { liveRegion.textContent = words; };
