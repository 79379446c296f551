(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("data").textContent);
  const root = document.documentElement;
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  // The theme: the system's until the switch is used, then remembered where the browser allows it.
  const theme = document.getElementById("theme");
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
  const show = () => theme.setAttribute("aria-pressed", String(isDark()));
  try {
    const kept = localStorage.getItem("theme");
    if (kept === "dark" || kept === "light") root.dataset.theme = kept;
  } catch { /* storage is closed to this page */ }
  theme.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try { localStorage.setItem("theme", root.dataset.theme); } catch { /* as above */ }
    show();
  });
  dark.addEventListener("change", show);
  show();

  // Which x axis, which cost.
  for (const input of all(".switch input")) {
    input.addEventListener("change", () => {
      for (const each of all(".chart, .plane", input.closest("figure"))) each.hidden = each.dataset.key !== input.value;
    });
    if (input.checked) input.dispatchEvent(new Event("change")); // a reload may keep another choice
  }
  for (const input of all(".each-run")) {
    const apply = () => input.closest("figure").classList.toggle("with-runs", input.checked);
    input.addEventListener("change", apply);
    apply();
  }
  for (const input of all(".on-the-way")) {
    const apply = () => input.closest("figure").classList.toggle("no-way", !input.checked);
    input.addEventListener("change", apply);
    apply();
  }

  // Which solvers: one choice for the whole page.
  const toggle = (solver, shown) => {
    for (const each of all(`[data-toggle="${solver}"]`)) each.checked = shown;
    for (const each of all(`[data-solver="${solver}"]`)) each.classList.toggle("off", !shown);
    for (const figure of all("svg.points")) { // Tab still stops at each figure
      const points = all(".pt:not(.off)", figure);
      if (points.length && !points.some((point) => point.tabIndex === 0)) points[0].setAttribute("tabindex", "0");
    }
  };
  for (const input of all("[data-toggle]")) {
    input.addEventListener("change", () => toggle(input.dataset.toggle, input.checked));
    if (!input.checked) toggle(input.dataset.toggle, false);
  }

  // The design under a point. Text is set as text: names come from users.
  const svg = (name, attributes) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };
  const element = (name, className, text) => {
    const made = document.createElement(name);
    made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const drawArray = (picture, [columns, rows, busy], [, mostRows]) => {
    const full = Math.floor(busy / columns);
    const [idle, lit, rest] = all("rect", picture).slice(1);
    const place = (rect, width, height, top) => {
      rect.setAttribute("width", 4 * width);
      rect.setAttribute("height", 4 * height);
      rect.setAttribute("y", 4 * top);
    };
    place(idle, columns, rows, mostRows - rows);
    place(lit, columns, full, mostRows - full);
    place(rest, busy % columns, 1, mostRows - full - 1);
    picture.setAttribute("aria-label", `PE array of ${columns} columns and ${rows} rows, ${busy} PEs busy on average`);
  };
  const choose = (point) => {
    const section = point.closest(".task");
    const panel = section.querySelector(".panel");
    const task = data.tasks[section.dataset.task];
    const plane = point.closest(".plane").dataset.plane;
    const [solver, seeds, number] = task.planes[plane][point.dataset.point];
    const design = task.designs[number];
    for (const each of all(".pt.chosen", section)) each.classList.remove("chosen");
    for (const each of all(`.plane[data-plane="${plane}"] [data-point="${point.dataset.point}"]`, section)) {
      each.classList.add("chosen");
    }
    const label = data.solvers[solver];
    const ended = seeds.includes(",") ? `best design of seeds ${seeds}` : `best design of seed ${seeds}`;
    panel.querySelector("[data-field=who]").textContent = `${label.name}: ${seeds ? ended : "found on the way"}`;
    const heading = panel.querySelector("[data-field=solver]");
    heading.className = `chip-name s${solver}`;
    for (const old of all("svg", heading)) old.remove();
    const marker = svg("svg", { class: `marker s${solver}`, viewBox: "-8 -8 16 16", width: 16, height: 16, "aria-hidden": "true" });
    marker.append(svg("use", { href: `#m${label.mark}` }));
    heading.prepend(marker);
    const chips = panel.querySelector(".chips");
    chips.replaceChildren(...design.chips.map((chip, place) => {
      const look = task.chips[chip];
      const made = element("li", look.empty ? "chip empty" : "chip");
      made.style.setProperty("--ground", look.color);
      made.append(element("span", "at", task.blocks[place]));
      look.lines.forEach((line, index) => made.append(element("span", index ? "second" : "first", line)));
      if (design.times.length) {
        const bar = element("span", "time");
        bar.style.width = `${design.times[place]}%`;
        made.append(bar);
      }
      return made;
    }));
    design.hardware.forEach((text, index) => { panel.querySelector(`[data-hardware="${index}"]`).textContent = text; });
    design.metrics.forEach((text, index) => { panel.querySelector(`[data-metric="${index}"]`).textContent = text; });
    const picture = panel.querySelector("[data-field=array]");
    if (picture && design.array.length) drawArray(picture, design.array, task.most);
  };

  // Points: hover, tap, focus; one stop of Tab for each figure, arrow keys within it.
  const visible = (figure) => all(".pt", figure).filter((point) => point.getClientRects().length > 0);
  const moves = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
  for (const figure of all(".plane")) { // not its pictures: a listener would make them a stop of Tab
    figure.addEventListener("pointerover", (event) => {
      const point = event.target.closest(".pt");
      if (point) choose(point);
    });
    figure.addEventListener("focusin", (event) => {
      const point = event.target.closest(".pt");
      if (!point) return;
      for (const other of all(".pt", figure)) other.setAttribute("tabindex", other === point ? "0" : "-1");
      choose(point);
    });
    figure.addEventListener("keydown", (event) => {
      const points = visible(figure).sort((one, two) => Number(one.dataset.point) - Number(two.dataset.point));
      const here = points.indexOf(event.target.closest(".pt"));
      let next = -1;
      if (event.key in moves) next = (here + moves[event.key] + points.length) % points.length;
      else if (event.key === "Home") next = 0;
      else if (event.key === "End") next = points.length - 1;
      if (here < 0 || next < 0) return;
      event.preventDefault();
      points[next].focus();
    });
  }
})();
