"use strict";
/* The journey map's page: layers, filters, what is told of nodes and edges, and where arrow keys lead. Labels reach the
   page as text, never as markup. */
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const { byId, element, bdi, facts, ways } = common;

  for (const { nodes, edges } of data.layers) {
    nodes.sort((a, b) => a.column - b.column || a.y - b.y); // as one reads
    edges.sort((a, b) => b.journeys - a.journeys);
  }
  let layer = data.layers[0];
  let steps = []; // how many journeys each notch of the slider stands for
  let filter = { channel: "", least: 1, depth: Infinity };

  const some = (count, what) => `${count} ${what}${count === "1" ? "" : "s"}`; // 1 journey, 2,000 journeys
  const isEdge = (item) => "from" in item;
  const into = (node) => node.lines.filter((edge) => edge.ends.to === node);
  const outOf = (node) => node.lines.filter((edge) => edge.ends.from === node);

  // Filters: they look at the numbers that were counted, and count nothing anew.

  /** Whether the filters leave an item as it is. */
  function lit(item) {
    if (!isEdge(item)) return item.journeys >= filter.least && item.step <= filter.depth && on(item);
    const { from, to } = item.ends;
    const furthest = Math.max(from.step, to.step);
    return item.journeys >= filter.least && furthest <= filter.depth && (on(from) || on(to));
  }
  const on = (node) => !filter.channel || node.channels.includes(filter.channel);

  function readFilter() {
    filter = {
      channel: byId("channel")?.value ?? "",
      least: steps[Number(byId("least").value)],
      depth: Number(byId("depth").value),
    };
    byId("least-shown").textContent = some(filter.least.toLocaleString("en"), "journey");
    byId("depth-shown").textContent = some(String(filter.depth), "step");
    const dim = layer.nodes.filter((node) => !lit(node)).length;
    const all = layer.nodes.length;
    byId("dimmed").textContent = dim ? `${dim} of ${all} nodes dimmed; all numbers still count every journey` : "";
    byId("help").hidden = dim > 0;
  }

  // Details

  function describe(item, keep) {
    if (isEdge(item)) {
      const { from, to } = item.ends;
      const title = element("h2", {}, bdi(from.label), " → ", bdi(to.label));
      title.append(element("span", { textContent: paint.isEnd(to) ? to.where : `step ${from.step} to ${to.step}` }));
      return [title, facts(data.edgeFacts, item.facts)];
    }
    const title = element("h2", {}, bdi(item.label), element("span", { textContent: item.where }));
    const way = (end) => (edge) => [edge.ends[end].label, edge.facts[0], () => keep(edge)];
    return [
      title,
      facts(data.nodeFacts, item.facts),
      ways("From", into(item).map(way("from")), 6),
      ways("On to", outOf(item).map(way("to")), 6),
    ];
  }

  function tip(item) {
    const [journeys, users, share] = item.facts;
    const counts = `${some(journeys, "journey")} · ${some(users, "user")}`;
    if (!isEdge(item)) return [element("b", {}, bdi(item.label)), `${item.where} · ${counts}`];
    const title = element("b", {}, bdi(item.ends.from.label), " → ", bdi(item.ends.to.label));
    return [title, `${counts} · ${share} of the source`];
  }

  /** Where an arrow key leads: along the most journeys, or to the next node of the step. */
  function next(node, key) {
    if (key === "ArrowRight") return outOf(node)[0]?.ends.to;
    if (key === "ArrowLeft") return into(node)[0]?.ends.from;
    const beside = layer.nodes[layer.nodes.indexOf(node) + (key === "ArrowUp" ? -1 : 1)];
    return beside?.column === node.column ? beside : undefined;
  }

  const map = picture.create(data, {
    lit,
    reached: (column) => column.x / data.pitch < filter.depth,
    name: (node) => `${node.label}, ${node.where}, ${some(node.facts[0], "journey")}, ${node.facts[3]} of the step`,
    describe,
    tip,
    next,
  });

  // Layers

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
    const most = Math.max(1, ...layer.nodes.map((node) => node.journeys));
    steps = [1, 2, 5].flatMap((digit) => [0, 1, 2, 3, 4, 5, 6, 7].map((power) => digit * 10 ** power));
    steps = steps.filter((count) => count <= most).sort((a, b) => a - b);
    byId("least").max = steps.length - 1;
    tell();
    readFilter();
    map.show(layer);
  }

  function dim() {
    readFilter();
    map.relight();
  }

  const form = document.querySelector(".controls");
  form.addEventListener("input", (event) => (event.target.name === "layer" ? choose(Number(event.target.value)) : dim()));
  form.addEventListener("submit", (event) => event.preventDefault());
  byId("reset").type = "button"; // the layer stays
  byId("reset").addEventListener("click", () => {
    if (byId("channel")) byId("channel").value = "";
    byId("least").value = 0;
    byId("depth").value = byId("depth").max;
    dim();
  });

  choose(0);
})();
