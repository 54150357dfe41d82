"use strict";
// Charts: hover or arrow keys show a point, a click or Enter pins it below the chart.
for (const figure of document.querySelectorAll("figure.interactive")) {
  const svg = figure.querySelector("svg");
  const tip = figure.querySelector(".tip");
  const pins = figure.querySelector(".pins");
  const dots = [...svg.querySelectorAll("[data-tip]")];
  dots.sort((a, b) => a.getAttribute("cx") - b.getAttribute("cx"));
  let current = null;
  const show = (dot) => {
    if (current) current.classList.remove("at");
    current = dot;
    tip.hidden = !dot;
    if (!dot) return;
    dot.classList.add("at");
    tip.textContent = dot.dataset.tip;
    const box = figure.getBoundingClientRect(), at = dot.getBoundingClientRect();
    const left = Math.min(at.right - box.left + 8, Math.max(0, box.width - tip.offsetWidth - 4));
    tip.style.left = `${left}px`;
    tip.style.top = `${at.bottom - box.top + 8}px`;
  };
  const pin = (dot) => {
    const known = [...pins.children].find((item) => item.dataset.of === dot.dataset.tip);
    if (known) { known.remove(); return; }
    const item = document.createElement("li");
    item.dataset.of = dot.dataset.tip;
    item.textContent = dot.dataset.tip;
    pins.append(item);
  };
  svg.addEventListener("pointerover", (event) => show(event.target.closest("[data-tip]")));
  svg.addEventListener("pointerleave", () => show(null));
  svg.addEventListener("blur", () => show(null));
  svg.addEventListener("click", (event) => {
    const dot = event.target.closest("[data-tip]");
    if (dot) pin(dot);
  });
  svg.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step && dots.length) {
      const place = current ? dots.indexOf(current) + step : step > 0 ? 0 : dots.length - 1;
      show(dots[(place + dots.length) % dots.length]);
    } else if (event.key === "Enter" && current) {
      pin(current);
    } else if (event.key === "Escape") {
      show(null);
    } else {
      return;
    }
    event.preventDefault();
  });
}
// The embedded table: download it, show all of it, sort it.
for (const button of document.querySelectorAll("button[data-download]")) {
  button.addEventListener("click", () => {
    const text = JSON.parse(document.getElementById(button.dataset.download).textContent);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    link.download = button.dataset.name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
}
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = head.querySelector("button");
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") !== "descending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const key = (row) => {
        const text = row.cells[column].textContent;
        const number = parseFloat(text.replaceAll(",", ""));
        return Number.isNaN(number) ? text : number;
      };
      const rows = [...body.rows].map((row) => [key(row), row]);
      rows.sort(([a], [b]) => (typeof a === typeof b ? (a < b ? -1 : a > b ? 1 : 0) : typeof a < typeof b ? -1 : 1));
      if (down) rows.reverse();
      body.append(...rows.map(([, row]) => row));
    });
  });
}
