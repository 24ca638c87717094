// Copy buttons beside elements with `data-copy`, whose value names the content.

/** Copy the text; where the browser forbids it (a sandboxed or insecure page), select it for Ctrl+C. */
const copy = async (source) => {
  try {
    await navigator.clipboard.writeText(source.textContent.trim().replaceAll("\u2212", "-"));
    return "Copied";
  } catch {
    getSelection().selectAllChildren(source);
    return document.execCommand("copy") ? "Copied" : "Selected: press Ctrl+C";
  }
};

for (const source of document.querySelectorAll("[data-copy]")) {
  const press = async () => {
    const outcome = await copy(source);
    node.textContent = outcome;
    announce(outcome);
    setTimeout(() => { node.textContent = "Copy"; }, 2000);
  };
  const node = button("Copy", press, { class: "copy", "aria-label": `Copy ${source.dataset.copy}` });
  source.after(node);
}
