// The link holds the compressed result, which works without a script. With a script, it is saved uncompressed.

const link = document.querySelector("a[download][href^='data:application/gzip']");

const unpacked = async (uri) => {
  const packed = Uint8Array.from(atob(uri.slice(uri.indexOf(",") + 1)), (char) => char.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Blob([await new Response(stream).arrayBuffer()], { type: "application/json" });
};

if (link && globalThis.DecompressionStream) {
  const uri = link.href;
  link.download = link.textContent = link.download.replace(/\.gz$/, "");
  link.addEventListener("click", async (event) => {
    event.preventDefault();
    const saved = make("a", { download: link.download, href: URL.createObjectURL(await unpacked(uri)) });
    saved.click();
    setTimeout(() => URL.revokeObjectURL(saved.href), 60_000);
  });
}
