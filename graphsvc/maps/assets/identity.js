"use strict";
/* The page around the picture: pointer, keyboard, details. Values reach the page as text, never as markup. */
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const paint = identityPaint;
  const frame = byId("map");

  const nodes = new Map(data.nodes.map((node) => [node.id, node]));
  for (const node of nodes.values()) node.lines = [];
  for (const edge of data.edges) {
    edge.ends = { from: nodes.get(edge.from), to: nodes.get(edge.to) };
    edge.points = [edge.ends.from, ...edge.bend.map(([x, y]) => ({ x, y })), edge.ends.to];
    for (const end of Object.values(edge.ends)) end.lines.push(edge);
  }
  const ORDER = ["same", "accepted", "refused"];
  for (const node of nodes.values()) {
    node.lines.sort((a, b) => ORDER.indexOf(a.verdict) - ORDER.indexOf(b.verdict) || b.width - a.width);
  }
  const marks = [...nodes.values()].filter((node) => node.place !== "more");
  const heading = data.own ? { text: data.own, down: data.oval[1] } : null;

  let pointed = null; // the node or edge under the pointer, or with the keyboard's focus
  let kept = null; // the one that was clicked
  let colours = paint.theme();
  let placed = { scale: 0, labels: [] };
  let waiting = false;

  const isEdge = (item) => "from" in item;
  const other = (edge, node) => (edge.ends.from === node ? edge.ends.to : edge.ends.from);
  const shown = () => pointed ?? kept;
  const look = {
    get busy() {
      return shown() !== null;
    },
    near(node) {
      const item = shown();
      if (isEdge(item)) return item.ends.from === node || item.ends.to === node;
      return item === node || item.lines.some((edge) => other(edge, item) === node);
    },
    strong(edge) {
      const item = shown();
      return item === edge || (!isEdge(item) && item.lines.includes(edge));
    },
    ring: (node) => node === kept || node === pointed,
  };

  // The picture

  const options = structuredClone(data.options);
  options.nodes.ctxRenderer = ({ ctx, id }) => ({
    drawNode: () => paint.node(ctx, nodes.get(id), data.shapes, look, network.getScale(), colours),
    nodeDimensions: { width: 24, height: 24 },
  });
  const network = new vis.Network(frame, { nodes: [], edges: [] }, options);
  frame.querySelector(".vis-network").tabIndex = -1; // the list of identifiers takes the keyboard
  network.on("beforeDrawing", (ctx) => {
    const scale = network.getScale();
    paint.oval(ctx, data.oval, data.own, scale, colours);
    const dim = look.busy ? 0.15 : 0.9;
    for (const edge of data.edges) if (!look.busy || !look.strong(edge)) paint.line(ctx, edge, dim, scale, colours);
    for (const edge of look.busy ? data.edges : []) if (look.strong(edge)) paint.line(ctx, edge, 1, scale, colours);
  });
  network.on("afterDrawing", (ctx) => {
    const scale = network.getScale();
    if (placed.scale !== scale) {
      placed = { scale, labels: paint.labels(ctx, [...nodes.values()], data.edges, heading, scale, bounds(scale), colours) };
    }
    for (const label of placed.labels) {
      const item = label.item;
      const near = !look.busy || item === null || (isEdge(item) ? look.strong(item) : look.near(item));
      paint.text(ctx, label, near ? 1 : 0.25, scale, colours);
    }
  });
  network.setData({
    nodes: data.nodes.map(({ id, shape, x, y }) => ({ id, shape, x, y })),
    edges: data.edges.map(({ from, to, width }, id) => ({ id, from, to, width })),
  });

  const whole = (() => {
    const [across, down] = data.own ? data.oval : [80, 40];
    const points = [...nodes.values(), ...data.edges.flatMap((edge) => edge.points)];
    const reach = (name, least) => points.reduce(([a, b], p) => [Math.min(a, p[name]), Math.max(b, p[name])], [-least, least]);
    const [[left, right], [top, bottom]] = [reach("x", across), reach("y", down)];
    return { left, right, top, bottom, x: (left + right) / 2, y: (top + bottom) / 2, width: right - left, height: bottom - top };
  })();

  /** Room for marks and labels around the picture, in pixels of the screen. */
  const aside = () => Math.min(frame.clientWidth * 0.11, 80);
  const ABOVE = 34;
  const bounds = (scale) => ({
    left: whole.left * scale - aside(),
    right: whole.right * scale + aside(),
    top: whole.top * scale - ABOVE,
    bottom: whole.bottom * scale + ABOVE,
  });

  /** All of the picture, as large as the element's width and most of the screen's height allow. */
  function fit() {
    const width = frame.clientWidth;
    const most = Math.max(Math.min(innerHeight * 0.78, 860), 360);
    const scale = Math.min((width - 2 * aside()) / whole.width, (most - 2 * ABOVE) / whole.height, 1.15);
    frame.style.height = `${Math.round(Math.max(whole.height * scale + 2 * ABOVE, 220))}px`;
    network.setSize("100%", "100%");
    network.redraw(); // takes the new size, before anything is placed by it
    network.moveTo({ position: { x: whole.x, y: whole.y }, scale, animation: false });
  }

  function redraw() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      network.redraw();
    });
  }

  const zoom = (factor) =>
    network.moveTo({ scale: Math.min(Math.max(network.getScale() * factor, 0.05), 5), animation: false });

  /** Bring an identifier into sight, by as little movement as it takes. */
  function reveal(node) {
    const from = network.DOMtoCanvas({ x: 40, y: 30 });
    const to = network.DOMtoCanvas({ x: frame.clientWidth - 40, y: frame.clientHeight - 40 });
    const dx = Math.max(node.x - to.x, 0) + Math.min(node.x - from.x, 0);
    const dy = Math.max(node.y - to.y, 0) + Math.min(node.y - from.y, 0);
    if (!dx && !dy) return;
    const centre = network.getViewPosition();
    network.moveTo({ position: { x: centre.x + dx, y: centre.y + dy }, animation: false });
  }

  /** The identifier or line at a place of the element. */
  function at(place) {
    const { x, y } = network.DOMtoCanvas(place);
    const scale = network.getScale();
    const reach = paint.radius(scale) + 4 / scale;
    const near = marks.filter((node) => Math.hypot(node.x - x, node.y - y) <= reach);
    if (near.length) return near.reduce((a, b) => (Math.hypot(a.x - x, a.y - y) <= Math.hypot(b.x - x, b.y - y) ? a : b));
    let found = null;
    let nearest = Infinity;
    for (const edge of data.edges) {
      const away = distance(edge.points, x, y) - edge.width / 2;
      const bias = edge.verdict === "refused" ? 0.5 / scale : 0; // where lines meet, the accepted one
      if (away <= 4 / scale && away + bias < nearest) [found, nearest] = [edge, away + bias];
    }
    return found;
  }

  /** How far a point is from a line. */
  function distance(points, x, y) {
    let least = Infinity;
    for (let i = 1; i < points.length; i++) {
      const [from, to] = [points[i - 1], points[i]];
      const [dx, dy] = [to.x - from.x, to.y - from.y];
      const t = Math.min(Math.max(((x - from.x) * dx + (y - from.y) * dy) / (dx * dx + dy * dy || 1), 0), 1);
      least = Math.min(least, Math.hypot(x - from.x - t * dx, y - from.y - t * dy));
    }
    return least;
  }

  // Details

  function element(name, properties = {}, ...children) {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  }

  const bdi = (text, more = {}) => element("bdi", { textContent: text, ...more });

  function facts(names, values) {
    const list = element("dl", { className: "facts" });
    names.forEach((name, i) => {
      if (values[i] === "–") return;
      list.append(element("div", {}, element("dt", { textContent: name }), element("dd", {}, bdi(values[i]))));
    });
    return list;
  }

  /** The pairs of an identifier, each a button that keeps its details. */
  function pairs(node) {
    const items = node.lines.slice(0, 12).map((edge) => {
      const end = other(edge, node);
      const label = bdi(`${end.kind}:${end.label}`, { className: "clip" });
      const told = element("span", { className: "count", textContent: ` ${edge.facts[0]}` });
      return element("li", {}, element("button", { type: "button", onclick: () => keep(edge) }, label, told));
    });
    if (node.lines.length > 12) items.push(element("li", { textContent: `and ${node.lines.length - 12} more` }));
    return items.length ? element("ul", { className: "ways" }, element("li", { textContent: "Linked" }), ...items) : "";
  }

  function describe(item) {
    if (isEdge(item)) {
      const { from, to } = item.ends;
      const title = element("h2", {}, bdi(from.id), ` ${item.verdict === "refused" ? "≠" : "="} `, bdi(to.id));
      return [title, facts(data.edgeFacts, item.facts)];
    }
    return [element("h2", {}, bdi(item.label)), facts(data.nodeFacts, item.facts), pairs(item)];
  }

  function refresh() {
    const item = shown();
    const hint = "Point at an identifier or a line, or click to keep its details here.";
    byId("details").replaceChildren(...(item ? describe(item) : [element("p", { className: "hint", textContent: hint })]));
    redraw();
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
    const box = byId("tip");
    box.hidden = !item;
    if (!item) return;
    if (isEdge(item)) {
      const [verdict, events, first, last, sources, confidence, declared] = item.facts;
      const title = element("b", {}, bdi(item.ends.from.label), " – ", bdi(item.ends.to.label));
      const seen = [first, last].filter((time, i, all) => time !== "–" && all.indexOf(time) === i).join(" to ");
      const lines = [verdict, `${events} event${events === "1" ? "" : "s"}${seen && `, ${seen}`}`];
      if (sources !== "–") lines.push(`from ${sources}`);
      if (confidence !== "–") lines.push(`confidence ${confidence}${declared === "yes" ? ", declared" : ""}`);
      box.replaceChildren(title, ...lines.map((line) => element("div", {}, bdi(line))));
    } else {
      box.replaceChildren(element("b", {}, bdi(item.label)), element("div", {}, bdi(`${item.kind} · ${item.facts[1]}`)));
    }
    const [width, height] = [box.offsetWidth, box.offsetHeight];
    const left = Math.min(Math.max(place.x + 14, 4), frame.offsetWidth - width - 4);
    const top = place.y + 18 + height > frame.offsetHeight ? place.y - height - 12 : place.y + 18;
    box.style.transform = `translate(${Math.max(left, 4)}px, ${Math.max(top, 4)}px)`;
  }

  // Pointer

  const placeOf = (event) => {
    const box = frame.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  frame.addEventListener("pointermove", (event) => {
    if (event.pointerType === "touch" || event.buttons) return tip(null);
    const item = at(placeOf(event));
    frame.classList.toggle("at-something", item !== null);
    point(item);
    tip(item, placeOf(event));
  });
  frame.addEventListener("pointerleave", () => {
    point(null);
    tip(null);
  });
  network.on("click", ({ pointer }) => keep(at(pointer.DOM)));
  // The wheel scrolls the page, as everywhere; with Ctrl (or a pinch on a touchpad) it zooms.
  frame.addEventListener("wheel", (event) => event.ctrlKey || event.metaKey || event.stopPropagation(), true);

  // Keyboard: one button an identifier; arrows go to the nearest one in their direction.

  const ways = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  function nearest(node, [wx, wy]) {
    const cost = (one) => {
      const [dx, dy] = [one.x - node.x, one.y - node.y];
      const ahead = dx * wx + dy * wy;
      return ahead > 0 ? ahead + 2.5 * Math.abs(dx * wy - dy * wx) : Infinity;
    };
    const best = marks.reduce((a, b) => (cost(b) < cost(a) ? b : a), node);
    return best === node ? undefined : best;
  }

  byId("walk").replaceChildren(
    ...marks.map((node) => {
      const name = `${node.kind} ${paint.short(node.label, 80)}, ${node.facts[1]}, ${node.facts[4]} accepted, ${node.facts[5]} refused`;
      node.button = element("button", { type: "button", textContent: name });
      node.button.addEventListener("focus", () => {
        reveal(node);
        point(node);
      });
      node.button.addEventListener("blur", () => point(null));
      node.button.addEventListener("click", () => keep(node));
      node.button.addEventListener("keydown", (event) => {
        if (!(event.key in ways)) return;
        event.preventDefault();
        nearest(node, ways[event.key])?.button.focus();
      });
      return element("li", {}, node.button);
    }),
  );
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    tip(null);
    keep(null);
  });

  byId("nearer").addEventListener("click", () => zoom(1.3));
  byId("farther").addEventListener("click", () => zoom(1 / 1.3));
  byId("whole").addEventListener("click", fit);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    colours = paint.theme();
    redraw();
  });
  let seenWidth = 0;
  new ResizeObserver(() => {
    if (frame.clientWidth === seenWidth) return;
    seenWidth = frame.clientWidth;
    fit();
  }).observe(frame);
  fit();
})();
