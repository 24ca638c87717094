// Copy buttons beside what carries `data-copy`: its value names the thing.

/** Copy, or where the browser forbids it (a page in a sandbox, or not served safely) select the words for Ctrl+C. */
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
