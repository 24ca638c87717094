// A field above a long table, which shows only the rows that contain all words.

const FEWEST_ROWS = 10;

for (const table of document.querySelectorAll("table[data-filter]")) {
  const rows = [...table.tBodies[0].rows];
  if (rows.length < FEWEST_ROWS) continue;
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const words = table.dataset.filter;
  const field = make("input", { type: "search", size: "40", class: "filter", placeholder: words, "aria-label": words });
  field.addEventListener("input", () => {
    const wanted = field.value.toLowerCase().split(/\s+/);
    rows.forEach((row, place) => { row.hidden = !wanted.every((word) => texts[place].includes(word)); });
    announce(`${rows.filter((row) => !row.hidden).length} of ${rows.length} rows`);
  });
  table.parentNode.before(field);
}
