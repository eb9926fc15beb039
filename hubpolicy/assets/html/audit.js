// SPDX-License-Identifier: Apache-2.0
// Sorts and searches what is on the page already. Reads text, writes text and attributes: no
// markup is ever made of a string, nothing is sent, nothing is kept.
"use strict";
(() => {
  const table = document.getElementById("matrix");
  if (!table) return;
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const search = document.getElementById("search");
  const only = document.getElementById("only");
  const shown = document.getElementById("shown");
  const text = (element) => element.textContent.trim();
  let places = [...body.rows].map((row) => {
    const part = document.getElementById(row.cells[0].firstElementChild.hash.slice(1));
    const status = text(row.cells[1].firstElementChild.lastChild);
    return { row, part, status };
  });
  // Read when somebody searches, not when the page opens.
  const words = (place) => (place.words ??= text(place.part).toLowerCase());

  const filter = () => {
    const wanted = search.value.trim().toLowerCase();
    let count = 0;
    for (const place of places) {
      const here =
        (only.value === "" || place.status === only.value) &&
        (wanted === "" || words(place).includes(wanted));
      place.row.hidden = place.part.hidden = !here;
      count += here;
    }
    shown.textContent = `${count.toLocaleString("en")} of ${places.length.toLocaleString("en")} shown`;
  };

  const names = new Intl.Collator("en", { numeric: true });
  const keys = (column) => {
    const told = places.map(({ row }) => row.cells[column].dataset.key ?? text(row.cells[column]));
    const numbers = told.map((key) => (key === "" || key === "–" ? -1 : Number(key)));
    return numbers.some(Number.isNaN) ? told : numbers;
  };
  const sort = (column) => {
    const number = heads[column].classList.contains("number");
    const before = heads[column].getAttribute("aria-sort");
    const after =
      before === "ascending" ? "descending"
      : before === "descending" ? "ascending"
      : number ? "descending" : "ascending";
    for (const head of heads) head.setAttribute("aria-sort", "none");
    heads[column].setAttribute("aria-sort", after);
    const by = keys(column);
    const compare = typeof by[0] === "number" ? (a, b) => a - b : names.compare;
    const order = [...places.keys()].sort((one, other) => compare(by[one], by[other]));
    if (after === "descending") order.reverse();
    places = order.map((at) => places[at]);
    body.append(...places.map(({ row }) => row));
  };

  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    button.addEventListener("click", () => sort(column));
    head.append(button);
    head.setAttribute("aria-sort", "none");
  });
  heads[1].setAttribute("aria-sort", "ascending");

  // A link to a repository opens its part.
  const unfold = () => {
    const part = document.getElementById(location.hash.slice(1));
    if (part instanceof HTMLDetailsElement) part.open = true;
  };
  addEventListener("hashchange", unfold);
  unfold();

  const tools = document.getElementById("tools");
  tools.addEventListener("submit", (event) => event.preventDefault());
  tools.addEventListener("input", filter);
  tools.hidden = places.length < 6;
  filter();
})();
