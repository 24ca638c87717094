// Tables that sort: a button in each column header; rows stay within their group.

const NEXT = { none: "ascending", ascending: "descending", descending: "none" };
const NUMBER = /^\[?>?([+-]?[\d,]*\.?\d+(?:e[+-]?\d+)?)(%|\s[^\s,\]]+)?(?=[\s,\]]|$)/i;

/** Return a cell's number and unit, from `data-value` if the text mixes units, else from the text. */
const measure = (cell) => {
  if (cell?.dataset.value !== undefined) return { number: Number.parseFloat(cell.dataset.value), unit: "" };
  const text = (cell?.textContent ?? "").trim().replaceAll("\u2212", "-");
  const [, digits, unit = ""] = NUMBER.exec(text) ?? [];
  return { number: digits ? Number(digits.replaceAll(",", "")) : Number.NaN, unit: unit.trim(), text };
};

const MISSING = new Set(["", "n/a", "\u2013"]);

/** Compare as numbers, unit by unit, if a column has only numbers; missing ones come last in both orders. */
const comparer = (cells, sign) => {
  const measured = cells.map(measure);
  if (measured.every(({ number, text }) => !Number.isNaN(number) || MISSING.has(text ?? ""))) {
    return (a, b) => {
      const [left, right] = [measure(a), measure(b)];
      const missing = Number.isNaN(left.number) - Number.isNaN(right.number);
      return missing || left.unit.localeCompare(right.unit) || sign * (left.number - right.number) || 0;
    };
  }
  const word = (cell) => (cell?.textContent ?? "").trim();
  return (a, b) => sign * word(a).localeCompare(word(b), "en", { numeric: true });
};

const sortTable = (table, header, order, original) => {
  for (const other of header.parentNode.cells) other.removeAttribute("aria-sort");
  if (order !== "none") header.setAttribute("aria-sort", order);
  for (const [body, rows] of original) {
    const place = header.cellIndex;
    const compare = comparer(rows.map((row) => row.cells[place]), order === "descending" ? -1 : 1);
    const sorted = order === "none" ? rows : [...rows].sort((a, b) => compare(a.cells[place], b.cells[place]));
    body.append(...sorted);
  }
};

for (const table of document.querySelectorAll("table")) {
  if (!table.tHead) continue;
  const isHead = (row) => row.cells.length === 1 && row.cells[0].scope === "rowgroup";
  const original = [...table.tBodies].map((body) => [body, [...body.rows].filter((row) => !isHead(row))]);
  if (!original.some(([, rows]) => rows.length > 1)) continue;
  for (const header of table.tHead.rows[0].cells) {
    const title = header.textContent.trim();
    if (!title || header.colSpan > 1) continue;
    const press = () => {
      const order = NEXT[header.getAttribute("aria-sort") ?? "none"];
      sortTable(table, header, order, original);
      announce(order === "none" ? "original order" : `sorted by ${title}, ${order}`);
    };
    header.replaceChildren(button(title, press, { class: "sort" }));
  }
}
