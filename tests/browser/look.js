// What a reader has before their eyes, as JSON.
(() => {
  const width = document.documentElement.clientWidth;
  const outside = [], faint = [];
  // What only screen readers get is cut off, and has no place on the screen.
  const cut = (element) => {
    for (let at = element; at; at = at.parentElement)
      if (getComputedStyle(at).clipPath !== "none") return true;
    return false;
  };
  const numbers = (colour) => colour.match(/[\d.]+/g).map(Number);
  const paper = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = numbers(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  // Relative luminance and contrast as WCAG 2 defines them.
  const light = (colour) => {
    const [r, g, b] = colour.slice(0, 3).map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (element) => {
    const ink = light(numbers(getComputedStyle(element).color));
    const ground = light(paper(element));
    return (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05);
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  for (let node = texts.nextNode(); node; node = texts.nextNode()) {
    const text = node.data.trim(), element = node.parentElement;
    if (!text || !element.checkVisibility() || cut(element)) continue;
    range.selectNodeContents(node);
    const boxes = [...range.getClientRects()];
    if (boxes.some((box) => box.left < -0.5 || box.right > width + 0.5)) outside.push(text);
    if (contrast(element) < 4.5) faint.push(`${text} ${contrast(element).toFixed(1)}`);
  }
  // A label with nothing behind it.
  const bare = [...document.querySelectorAll("td")].filter((cell) =>
    cell.checkVisibility() && !cell.innerText.trim() && getComputedStyle(cell, "::before").content !== "none");
  const rows = [...document.querySelectorAll("details > table > tbody > tr")];
  return {
    width,
    scroll: document.documentElement.scrollWidth,
    height: document.documentElement.scrollHeight,
    text: document.body.innerText,
    rows: rows.map((row) => `${row.querySelector("th").textContent}=${row.closest("section details").className}`),
    hidden: rows.filter((row) => !row.checkVisibility()).length,
    bare: bare.map((cell) => getComputedStyle(cell, "::before").content),
    outside,
    faint,
  };
})();
