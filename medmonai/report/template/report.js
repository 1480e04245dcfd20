"use strict";
// The page is complete without this script. It sorts tables and opens folded parts for printing and links.
(() => {
  const NUMBER = /^[<>]?\s*([-+\u2212]?(?:\d[\d,]*\.?\d*|\.\d+)(?:e[-+]?\d+)?)(?=$|[\s%()\/\[])/i;
  const SHARE = /^(\d+)\/(\d+)(?=$|\s)/;  // "12/30": so many of so many
  const MISSING = /^(|-|\u2013|undefined|withheld\b.*)$/;
  const number = (text) => {
    const share = SHARE.exec(text);
    if (share) return share[1] / share[2];
    const found = NUMBER.exec(text);
    if (!found) return NaN;
    const below = text.startsWith("<") ? 1e-12 : 0;
    return parseFloat(found[1].replaceAll(",", "").replace("\u2212", "-")) - below;
  };
  const compareTexts = new Intl.Collator("en", { numeric: true }).compare;

  // Numbers by value, where most cells that hold something are numbers; other cells always come last.
  const sorted = (rows, column, descending) => {
    const cells = rows.map((row) => row.cells[column].textContent.trim());
    const values = cells.map(number);
    const texts = values.filter((value, place) => Number.isNaN(value) && !MISSING.test(cells[place])).length;
    const numeric = texts < values.filter((value) => !Number.isNaN(value)).length;
    const order = rows.map((_, place) => place);
    order.sort((a, b) => {
      if (numeric && Number.isNaN(values[a] + values[b])) {
        return Number.isNaN(values[a]) - Number.isNaN(values[b]) || compareTexts(cells[a], cells[b]);
      }
      const difference = numeric ? values[a] - values[b] : compareTexts(cells[a], cells[b]);
      return descending ? -difference : difference;
    });
    return order.map((place) => rows[place]);
  };

  for (const table of document.querySelectorAll("table")) {
    const body = table.tBodies[0];
    const rows = [...body.rows];
    if (rows.length < 2) continue;
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.title = "Sort by this column: ascending, descending, as it was";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const next = { ascending: "descending", descending: null }[head.getAttribute("aria-sort")];
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        if (next === null) return body.append(...rows);
        head.setAttribute("aria-sort", next ?? "ascending");
        body.append(...sorted(rows, column, next === "descending"));
      });
    });
  }

  let folded = [];
  addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open])")];
    for (const part of folded) part.open = true;
  });
  addEventListener("afterprint", () => {
    for (const part of folded) part.open = false;
  });
  const unfold = (hash) => {
    const part = document.getElementById(decodeURIComponent(hash.slice(1)));
    part?.querySelector(":scope > details")?.setAttribute("open", "");
  };
  addEventListener("hashchange", () => unfold(location.hash));
  for (const link of document.querySelectorAll("nav a")) link.addEventListener("click", () => unfold(link.hash));

  // Only what scrolls needs a stop of the keyboard.
  const stops = [...document.querySelectorAll(".scroll[tabindex]")];
  const setStops = () => stops.forEach((box) => { box.tabIndex = box.scrollWidth > box.clientWidth ? 0 : -1; });
  addEventListener("load", setStops);
  addEventListener("resize", setStops);
})();
