"use strict";
/* The picture: vis-network holds nodes and edges, canvas and viewport; bars and ribbons are painted by paint.js.

   vis-network draws an edge from the centre of one node to that of another. Ribbons that lie side by side along a bar
   need an end of their own, so vis-network keeps its edges hidden and they are painted before the nodes. */
const picture = (() => {
  const SMALLEST_SCALE = 0.72; // of the first view: below, labels are hard to read
  const READABLE_SCALE = 0.85; // where the map does not fit even so
  const MARGIN = 14;

  /** Put the picture into an element. `look` is asked at each drawing what stands out. */
  function create(element, settings, look) {
    const { bar: width, pitch } = settings;
    const room = pitch - width - paint.LABEL_AT - 10;
    let colours = paint.theme();
    let layer = null;
    let nodes = new Map();
    let byWidth = [];
    let waiting = false;

    const options = structuredClone(settings.options);
    options.nodes.ctxRenderer = ({ ctx, id }) => {
      const node = nodes.get(id);
      return {
        drawNode: () => paint.bar(ctx, node, width, look, colours),
        nodeDimensions: { width: width + 2 * (room + paint.LABEL_AT), height: Math.max(node.height, 3 * paint.LINE) },
      };
    };
    const network = new vis.Network(element, { nodes: [], edges: [] }, options);
    element.querySelector(".vis-network").tabIndex = -1; // the list of nodes takes the keyboard
    const ribbons = backdrop.create((on, box) => {
      paint.ribbons(on, byWidth, (edge) => (look.lit(edge) ? 0.38 : 0.06), box, colours);
    }, redraw);
    const labels = backdrop.create((on, box) => {
      for (const node of nodes.values()) paint.label(on, node, width, room, look.lit(node) ? 1 : 0.25, box.scale, colours);
    }, redraw);
    network.on("beforeDrawing", (ctx) => {
      if (!layer) return;
      const seen = view();
      ribbons.draw(ctx, seen, whole(), look.busy ? 0.42 : 1);
      paint.ribbons(ctx, look.strong(), (edge) => (look.lit(edge) ? 0.7 : 0.1), seen, colours);
    });
    network.on("afterDrawing", (ctx) => {
      if (!layer) return;
      const seen = view();
      labels.draw(ctx, seen, whole(), look.busy ? 0.5 : 1);
      for (const node of look.busy ? nodes.values() : []) {
        if (look.near(node)) paint.label(ctx, node, width, room, look.lit(node) ? 1 : 0.25, seen.scale, colours);
      }
      paint.heads(ctx, layer.columns, seen, look, colours);
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      colours = paint.theme();
      relight();
    });
    let seenWidth = 0;
    new ResizeObserver(() => {
      if (layer && element.clientWidth !== seenWidth) fit();
    }).observe(element);
    // The wheel scrolls the page, as everywhere; with Ctrl (or a pinch on a touchpad) it zooms.
    element.addEventListener("wheel", (event) => event.ctrlKey || event.metaKey || event.stopPropagation(), true);

    /** All that could be seen. */
    const whole = () => ({ left: -width, top: 0, right: layer.width, bottom: layer.height });

    /** What part of the map is seen. */
    function view() {
      const from = network.DOMtoCanvas({ x: 0, y: 0 });
      const to = network.DOMtoCanvas({ x: element.clientWidth, y: element.clientHeight });
      return { left: from.x, top: from.y, right: to.x, bottom: to.y, scale: network.getScale() };
    }

    function show(chosen) {
      layer = chosen;
      nodes = new Map(layer.nodes.map((node) => [node.id, node]));
      for (const edge of layer.edges) {
        edge.id = `${edge.from} ${edge.to}`;
        const end = nodes.get(edge.to).kind;
        edge.tint = end === "touchpoint" || end === "other" ? "ribbon" : end;
      }
      byWidth = layer.edges.toSorted((a, b) => b.width - a.width);
      network.setData({
        nodes: layer.nodes.map(({ id, label, shape, x, y }) => ({ id, label, shape, x, y })),
        edges: layer.edges.map(({ id, from, to, width }) => ({ id, from, to, width })),
      });
      relight();
      fit();
    }

    /** The first view: all of the map where labels stay readable, else its beginning. On demand all of it anyhow. */
    function fit(all = false) {
      seenWidth = element.clientWidth;
      const inside = seenWidth - 2 * MARGIN;
      const fitting = Math.min(inside / layer.width, 1.15);
      const scale = !all && fitting < SMALLEST_SCALE ? READABLE_SCALE : fitting;
      if (!all) element.style.height = `${Math.max(Math.round(layer.height * scale + 2 * MARGIN), 320)}px`;
      network.setSize("100%", "100%");
      network.redraw(); // takes the new size, before anything is placed by it
      const start = seenWidth / scale / 2 - MARGIN / scale - width / 2;
      const x = fitting < scale ? start : (layer.width - pitch + room) / 2;
      network.moveTo({ position: { x, y: layer.height / 2 }, scale, animation: false });
    }

    function zoom(factor) {
      network.moveTo({ scale: Math.min(Math.max(network.getScale() * factor, 0.1), 5), animation: false });
    }

    /** Bring a node into sight, by as little movement as it takes. */
    function reveal(node) {
      const seen = view();
      const shift = (low, high, from, to) => Math.min(high - to, 0) + Math.max(low - from, 0);
      const half = node.height / 2 + 10;
      const dx = shift(seen.left, seen.right, node.x + room + width, node.x - width) * -1;
      const dy = shift(seen.top + 40, seen.bottom, node.y + half, node.y - half) * -1;
      if (!dx && !dy) return;
      const centre = network.getViewPosition();
      network.moveTo({ position: { x: centre.x + dx, y: centre.y + dy }, animation: false });
    }

    /** Paint all anew: filters or colours have changed. */
    function relight() {
      ribbons.stale();
      labels.stale();
    }

    /** Draw again with the next frame. */
    function redraw() {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => {
        waiting = false;
        network.redraw();
      });
    }

    /** The node or edge at a place of the element: bars first, then labels, then the thinnest ribbon there, or near. */
    function at(place) {
      const { x, y } = network.DOMtoCanvas(place);
      const near = 3 / network.getScale();
      for (const node of layer.nodes) {
        if (Math.abs(x - node.x) <= width / 2 + near && Math.abs(y - node.y) <= node.height / 2 + near) return node;
      }
      for (const node of layer.nodes) {
        if (!node.text) continue;
        const top = paint.labelTop(node);
        const start = node.x + width / 2;
        const inLabel = x >= start && x <= start + paint.LABEL_AT + node.text.width;
        if (inLabel && y >= top && y <= top + paint.LINE * (node.text.lines.length + 1)) return node;
      }
      return byWidth.findLast((edge) => onRibbon(edge, x, y, 0)) ?? byWidth.findLast((edge) => onRibbon(edge, x, y, near));
    }

    return { network, show, fit, zoom, reveal, redraw, relight, at };
  }

  /** Whether a point lies on a ribbon: on x its curve runs as 1.5 t (1 - t) + t³, on y as t² (3 - 2 t). */
  function onRibbon(edge, x, y, near) {
    const [x1, y1, x2, y2] = edge.ends;
    if (x < x1 || x > x2) return false;
    const along = (x - x1) / (x2 - x1);
    let [low, high] = [0, 1];
    for (let i = 0; i < 20; i++) {
      const t = (low + high) / 2;
      if (1.5 * t * (1 - t) + t ** 3 < along) low = t;
      else high = t;
    }
    const slope = ((6 * low * (1 - low)) / (1.5 - 3 * low + 3 * low ** 2)) * ((y2 - y1) / (x2 - x1));
    const below = Math.abs(y - (y1 + (y2 - y1) * low ** 2 * (3 - 2 * low)));
    return (paint.isBand(edge) ? below : below / Math.hypot(1, slope)) <= edge.width / 2 + near;
  }

  return { create };
})();
