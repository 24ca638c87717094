// Numbers formatted by the rules of perfgate/formatting.py; a test checks that both give the same text.

const signed = (text) => text.replace("-", "\u2212");

/** A measured number: three significant digits, and never fewer than stand before the point. */
const number = (value) => {
  if (value === 0) return "0";
  return signed(Math.abs(value) >= 100 ? Math.round(value).toLocaleString("en") : value.toPrecision(3));
};

/** A share in percent, with enough digits to differ from 100%. */
const share = (value) => {
  const size = Math.abs(value);
  if (size >= 1) return `${signed(Math.round(100 * value).toLocaleString("en"))}%`;
  const rest = Math.min(Math.max(1, -Math.floor(Math.log10(100 * (1 - size)))), 6);
  const digits = size < 0.99 ? (100 * value).toPrecision(3) : (100 * value).toFixed(rest);
  return `${signed(String(Number(digits)))}%`;
};

const quantity = (value, unit) => (unit === "share" ? share(value) : `${number(value)} ${unit === "1" ? "" : unit}`.trim());

/** A relative change: one decimal of a percent, and none from 100% on. */
const percent = (change) => {
  if (change >= 99.995) return ">+9,999%";
  const digits = Math.abs(100 * change) < 99.95 ? 1 : 0;
  const format = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  const size = Math.abs(100 * change).toLocaleString("en", format);
  return `${change < 0 && size !== "0.0" ? "\u2212" : "+"}${size}%`;
};
