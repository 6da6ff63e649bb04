// What is wrong with the page that is shown, by kind: an element's HTML, a word, or a number. tests/looking.py runs it.

const [names, textSize] = arguments;
document.documentElement.style.fontSize = `${textSize}%`;
const textIsLarge = textSize > 100;
const isPhone = innerWidth < 500;

const all = selector => [...document.querySelectorAll(selector)].filter(element => element.checkVisibility());
const box = element => element.getBoundingClientRect();
const shown = element => element.outerHTML.replace(/\s+/g, " ").slice(0, 200);
const UNSEEN = ".visually-hidden, thead, [hidden], option";
const found = {};

function textNodes(element, butThoseIn) {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  const nodes = [];
  while (walker.nextNode()) nodes.push(walker.currentNode);
  return nodes.filter(node => !node.parentElement.closest(butThoseIn));
}

function rectangles(node, start, end) {
  const range = document.createRange();
  range.setStart(node, start);
  range.setEnd(node, end);
  return [...range.getClientRects()];
}

function numberOfLines(element) {
  const parts = textNodes(element, UNSEEN).flatMap(node => rectangles(node, 0, node.length));
  parts.sort((one, other) => one.top - other.top);
  let lines = 0;
  let bottom = -Infinity;
  for (const part of parts.filter(part => part.width)) {
    if (part.top > bottom - 3) lines += 1;
    bottom = Math.max(bottom, part.bottom);
  }
  return lines;
}

// Room

const page = document.documentElement;
found.wide = page.scrollWidth > page.clientWidth ? [page.scrollWidth] : [];

// names and addresses may have to be broken: in the header, where text is large, or if a word is long
const NAMES = textIsLarge ? "[translate=no], a[href^=mailto], .error-summary li, .error" : ".club";
found.broken = textNodes(document.body, `${UNSEEN}, ${NAMES}`).flatMap(node =>
  [...node.data.matchAll(/[^\s-]{2,}/gu)]
    .filter(word => {
      const parts = rectangles(node, word.index, word.index + word[0].length);
      const width = parts.reduce((sum, part) => sum + part.width, 0);
      return width < 180 && new Set(parts.map(part => Math.round(part.top))).size > 1;
    })
    .map(word => word[0]));

const inOneLine = [".action", ".facts > span", ".own small", ".number", ".views a", "header li a", ".month th", "header ul"];
if (!isPhone) inOneLine.push("time:not(.plate)");
found.split = textIsLarge ? [] : all(inOneLine.join()).filter(element => numberOfLines(element) > 1).map(shown);

found.small = all("a, button, select, summary, input:not([type=hidden])")
  .filter(element => {
    const {width, height} = box(element);
    return width < 24 || height < (element.matches("input, select, button, .button") ? 44 : 24);
  })
  .map(shown);

const controls = all("button, .button, select, input:not([type=hidden])");
found.touching = controls.flatMap((one, index) =>
  controls.slice(index + 1)
    .filter(other => {
      const [a, b] = [box(one), box(other)];
      return a.left < b.right + 6 && b.left < a.right + 6 && a.top < b.bottom + 6 && b.top < a.bottom + 6;
    })
    .map(other => shown(one) + shown(other)));

found.cut = all("select").filter(select => {
  const width = box(select).width;
  select.style.width = "max-content";
  select.style.flex = "none";
  const needed = box(select).width;
  select.style.width = select.style.flex = "";
  return needed > width;
}).map(select => select.value);

// lines of text longer than 42 rem, a page wider than 60
const rem = parseFloat(getComputedStyle(page).fontSize);
const isLong = node => rectangles(node, 0, node.length).some(line => line.width > 42 * rem + 1);
found.long = [
  ...all("main p").flatMap(element => textNodes(element, UNSEEN)).filter(isLong).map(node => node.data),
  ...all(".board").filter(element => box(element).width > 42 * rem + 1).map(shown),
  ...all("main > *").filter(element => box(element).width > 60 * rem + 1).map(shown),
];

found.gap = box(document.querySelector("footer")).bottom < innerHeight - 1 ? ["below the footer"] : [];

// Order: nobody is led back, up or to the left within a line
const stops = all("a[href], button, input:not([type=hidden]), select, summary").filter(one => !one.matches(".skip"));
found.misordered = stops.slice(1)
  .filter((stop, index) => {
    const [last, next] = [box(stops[index]), box(stop)];
    const isAbove = next.bottom <= last.top + 1 && next.left < last.right;
    const isBefore = next.right <= last.left && next.bottom > last.top + 1 && next.top < last.bottom - 1;
    return isAbove || isBefore;
  })
  .map(shown);

// Words and signs

found.translated = textNodes(document.body, "[translate=no]")
  .filter(node => names.some(name => node.data.includes(name)))
  .map(node => node.data.trim());

found.primary = all("main :is(button, .button):not(.secondary)").slice(1).map(shown);

// a message that has the focus has one ring, which goes on where its edge ends
found.rings = all(":is(.banner, .error-summary):focus").filter(message => {
  const style = getComputedStyle(message);
  const others = ["Top", "Right", "Bottom"].filter(side => style[`border${side}Width`] !== "0px");
  const isOne = style.outlineOffset === "0px" && style.boxShadow === "none" && !others.length;
  return !isOne || style.outlineColor !== style.borderLeftColor || style.outlineWidth !== "3px";
}).map(shown);

// Heights

const rows = all(".rows [data-competition]");
const heightOf = lines => Math.max(0, ...rows
  .filter(row => numberOfLines(row.querySelector("th")) === lines)
  .map(row => box(row).height));
const bottomOf = selector => all(selector).map(element => box(element).bottom)[0] ?? null;

return {
  found,
  heights: {
    page: page.scrollHeight,
    header: box(document.querySelector("header")).height,
    first: rows.length ? box(rows[0]).top : null,
    row: heightOf(1),
    rowOfTwo: heightOf(2),
    field: bottomOf("main [aria-invalid], main input:not([type=hidden])"),
    button: bottomOf("main form:not(.find) button"),
  },
};
