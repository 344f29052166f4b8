"use strict";
/* The page around the picture: layers, filters, details, keyboard. Labels reach the page as text, never as markup. */
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const { byId, element, bdi, facts, ways } = common;
  const ALL = { channel: "", least: 1, depth: Infinity };

  let layer = null;
  let nodes = new Map();
  let steps = []; // how many journeys each notch of the slider stands for
  let filter = { ...ALL };
  let pointed = null; // the node or edge under the pointer, or with the keyboard's focus
  let kept = null; // the one that was clicked

  const some = (count, what) => `${count} ${what}${count === "1" ? "" : "s"}`; // 1 journey, 2,000 journeys
  const isEdge = (item) => "from" in item;
  const shown = () => pointed ?? kept;

  // What stands out

  /** Whether the filters leave an item as it is. They look at the numbers that were counted, and count nothing anew. */
  function lit(item) {
    if (!isEdge(item)) return item.journeys >= filter.least && item.step <= filter.depth && on(item);
    const [from, to] = [nodes.get(item.from), nodes.get(item.to)];
    const furthest = Math.max(from.step, to.step);
    return item.journeys >= filter.least && furthest <= filter.depth && (on(from) || on(to));
  }
  const on = (node) => !filter.channel || node.channels.includes(filter.channel);
  const isEnd = (node) => node.kind !== "touchpoint" && node.kind !== "other";

  function relight() {
    const dim = [...nodes.values()].filter((node) => !lit(node)).length;
    byId("dimmed").textContent = dim ? `${dim} of ${nodes.size} nodes dimmed; all numbers still count every journey` : "";
    byId("help").hidden = dim > 0;
    map.relight();
  }

  const look = {
    lit,
    get busy() {
      return shown() !== null;
    },
    strong: () => {
      const item = shown();
      return item === null ? [] : isEdge(item) ? [item] : [...item.in, ...item.out];
    },
    near: (node) => {
      const item = shown();
      return item === node || (isEdge(item) ? item.from === node.id || item.to === node.id : item.neighbours.has(node.id));
    },
    ring: (node) => node === kept || node === pointed,
    step: (column) => column.x / data.pitch < filter.depth,
  };

  const map = picture.create(byId("map"), data, look);

  // Details

  /** The edges that lead to a node, or away from it, the heaviest first. */
  const along = (title, edges, other) =>
    ways(title, edges.map((edge) => [nodes.get(edge[other]).label, edge.facts[0], () => keep(edge)]), 6);

  function describe(item) {
    if (isEdge(item)) {
      const [from, to] = [nodes.get(item.from), nodes.get(item.to)];
      const title = element("h2", {}, bdi(from.label), " → ", bdi(to.label));
      title.append(element("span", { textContent: isEnd(to) ? to.where : `step ${from.step} to ${to.step}` }));
      return [title, facts(data.edgeFacts, item.facts)];
    }
    const title = element("h2", {}, bdi(item.label), element("span", { textContent: item.where }));
    return [
      title,
      facts(data.nodeFacts, item.facts),
      along("From", item.in, "from"),
      along("On to", item.out, "to"),
    ];
  }

  function refresh() {
    const item = shown();
    const hint = "Point at a bar or a ribbon, or click to keep its details here.";
    byId("details").replaceChildren(...(item ? describe(item) : [element("p", { className: "hint", textContent: hint })]));
    map.redraw();
  }

  function point(item) {
    if (item === pointed) return;
    pointed = item;
    refresh();
  }

  function keep(item) {
    kept = item;
    pointed = null;
    refresh();
  }

  function tip(item, place) {
    common.tip(byId("map"), item && tipLines(item), place);
  }

  function tipLines(item) {
    const [from, to] = isEdge(item) ? [nodes.get(item.from), nodes.get(item.to)] : [item, null];
    const line = to
      ? `${some(item.facts[0], "journey")} · ${some(item.facts[1], "user")} · ${item.facts[2]} of the source`
      : `${item.where} · ${some(item.facts[0], "journey")} · ${some(item.facts[1], "user")}`;
    return [element("b", {}, bdi(from.label), ...(to ? [" → ", bdi(to.label)] : [])), line];
  }

  // Pointer

  const placeOf = (event) => common.placeOf(byId("map"), event);

  byId("map").addEventListener("pointermove", (event) => {
    if (event.pointerType === "touch" || event.buttons) return tip(null);
    const item = map.at(placeOf(event)) ?? null;
    byId("map").classList.toggle("at-something", item !== null);
    point(item);
    tip(item, placeOf(event));
  });
  byId("map").addEventListener("pointerleave", () => {
    point(null);
    tip(null);
  });
  map.network.on("click", ({ pointer }) => keep(map.at(pointer.DOM) ?? null));

  // Keyboard: one button a node, in reading order; arrows follow the journeys.

  const heaviest = (edges) => edges[0];
  const next = {
    ArrowRight: (node) => nodes.get(heaviest(node.out)?.to),
    ArrowLeft: (node) => nodes.get(heaviest(node.in)?.from),
    ArrowUp: (node) => node.above,
    ArrowDown: (node) => node.below,
  };

  function fillWalk() {
    const buttons = [...nodes.values()].map((node) => {
      const name = `${node.label}, ${node.where}, ${some(node.facts[0], "journey")}, ${node.facts[3]} of the step`;
      node.button = element("button", { type: "button", textContent: name });
      node.button.addEventListener("focus", () => {
        map.reveal(node);
        point(node);
      });
      node.button.addEventListener("blur", () => point(null));
      node.button.addEventListener("click", () => {
        kept = node;
        refresh();
      });
      node.button.addEventListener("keydown", (event) => {
        if (!(event.key in next)) return;
        event.preventDefault();
        next[event.key](node)?.button.focus();
      });
      return element("li", {}, node.button);
    });
    byId("walk").replaceChildren(...buttons);
  }

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      tip(null);
      keep(null);
    }
  });

  // Layers

  function link() {
    nodes = new Map(layer.nodes.map((node) => [node.id, node]));
    for (const node of nodes.values()) Object.assign(node, { in: [], out: [], neighbours: new Set() });
    for (const edge of layer.edges.toSorted((a, b) => b.journeys - a.journeys)) {
      const [from, to] = [nodes.get(edge.from), nodes.get(edge.to)];
      from.out.push(edge);
      to.in.push(edge);
      from.neighbours.add(to.id);
      to.neighbours.add(from.id);
    }
    const reading = [...nodes.values()].sort((a, b) => a.column - b.column || a.y - b.y);
    reading.forEach((node, i) => {
      node.above = reading[i - 1]?.column === node.column ? reading[i - 1] : undefined;
      node.below = reading[i + 1]?.column === node.column ? reading[i + 1] : undefined;
    });
    nodes = new Map(reading.map((node) => [node.id, node]));
  }

  function tell() {
    byId("headline").textContent = layer.headline;
    [...byId("outcomes").children].forEach((line, i) => {
      const outcome = layer.outcomes[i];
      line.hidden = !outcome;
      if (!outcome) return;
      line.querySelector("b").textContent = outcome.share || outcome.journeys;
      line.querySelector(".name").textContent = outcome.name;
      const count = line.querySelector(".count");
      if (count) count.textContent = outcome.journeys;
    });
    for (const part of document.querySelectorAll("[data-layer]")) {
      part.hidden = data.layers[Number(part.dataset.layer)] !== layer;
    }
  }

  function choose(index) {
    layer = data.layers[index];
    [pointed, kept] = [null, null];
    link();
    const most = Math.max(1, ...layer.nodes.map((node) => node.journeys));
    steps = [1, 2, 5].flatMap((digit) => [0, 1, 2, 3, 4, 5, 6, 7].map((power) => digit * 10 ** power));
    steps = steps.filter((count) => count <= most).sort((a, b) => a - b);
    byId("least").max = steps.length - 1;
    tell();
    readFilter();
    map.show(layer);
    fillWalk();
    refresh();
  }

  // Filters

  function readFilter() {
    filter = {
      channel: byId("channel")?.value ?? "",
      least: steps[Number(byId("least").value)],
      depth: Number(byId("depth").value),
    };
    byId("least-shown").textContent = some(filter.least.toLocaleString("en"), "journey");
    byId("depth-shown").textContent = some(String(filter.depth), "step");
    relight();
  }

  const form = document.querySelector(".controls");
  form.addEventListener("input", (event) => (event.target.name === "layer" ? choose(Number(event.target.value)) : readFilter()));
  form.addEventListener("submit", (event) => event.preventDefault());
  byId("reset").type = "button"; // the layer stays
  byId("reset").addEventListener("click", () => {
    if (byId("channel")) byId("channel").value = "";
    byId("least").value = 0;
    byId("depth").value = byId("depth").max;
    readFilter();
  });
  byId("nearer").addEventListener("click", () => map.zoom(1.3));
  byId("farther").addEventListener("click", () => map.zoom(1 / 1.3));
  byId("whole").addEventListener("click", () => map.fit(true));

  choose(0);
})();
