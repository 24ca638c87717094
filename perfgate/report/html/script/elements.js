// What the other parts build with. Everything here only adds to a page that reads without it.

/** Make an element. Attributes and strings are taken as they are: nothing is ever read as markup. */
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

const heard = make("p", { role: "status", class: "unseen" });
document.body.append(heard);

/** Say what has just changed to those who cannot see it. */
const announce = (words) => { heard.textContent = words; };
