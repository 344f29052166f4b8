"use strict";
/* A picture that stands still and is asked: vis-network holds nodes, edges, canvas and viewport; readers point, click,
   zoom and walk by keyboard. What it looks like and what is told of it is its own page's. */
const stage = (() => {
  const { byId, element } = common;
  const WAYS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  /**
   * Put a picture into its frame.
   *
   * `nodes` and `edges` are what is drawn; each edge gets its `ends`, each node its `lines`. `own` tells the rest:
   * before(ctx, scale, look), node(ctx, node, scale, look), after(ctx, scale, look) paint; size(node) is how much room
   * vis-network keeps for one; at(point, scale) finds what lies at a point of the map; fit(network, all) sets the first
   * view, or all of the map; walk lists the nodes that the keyboard reaches, name(node) says them; describe(item, keep)
   * and tip(item) give elements; recolour() reads the theme anew.
   */
  function create(nodes, edges, options, own) {
    const frame = byId("map");
    const hint = byId("details").firstElementChild;
    let pointed = null; // the node or edge under the pointer, or with the keyboard's focus
    let kept = null; // the one that was clicked
    let waiting = false;

    const byKey = new Map(nodes.map((node) => [node.id, node]));
    for (const node of nodes) node.lines = [];
    for (const edge of edges) {
      edge.ends = { from: byKey.get(edge.from), to: byKey.get(edge.to) };
      for (const end of new Set(Object.values(edge.ends))) end.lines.push(edge);
    }
    const isEdge = (item) => "from" in item;
    const shown = () => pointed ?? kept;
    const look = {
      get busy() {
        return shown() !== null;
      },
      near(node) {
        const item = shown();
        if (isEdge(item)) return item.ends.from === node || item.ends.to === node;
        return item === node || item.lines.some((edge) => edge.ends.from === node || edge.ends.to === node);
      },
      strong(edge) {
        const item = shown();
        return item === edge || (!isEdge(item) && item.lines.includes(edge));
      },
      ring: (node) => node === kept || node === pointed,
    };

    const told = structuredClone(options);
    told.nodes.ctxRenderer = ({ ctx, id }) => ({
      drawNode: () => own.node(ctx, byKey.get(id), network.getScale(), look),
      nodeDimensions: own.size(byKey.get(id)),
    });
    const network = new vis.Network(frame, { nodes: [], edges: [] }, told);
    frame.querySelector(".vis-network").tabIndex = -1; // the list of nodes takes the keyboard
    network.on("beforeDrawing", (ctx) => own.before(ctx, network.getScale(), look));
    network.on("afterDrawing", (ctx) => own.after(ctx, network.getScale(), look));
    network.setData({
      nodes: nodes.map(({ id, shape, x, y }) => ({ id, shape, x, y })),
      edges: edges.map(({ from, to, width }, id) => ({ id, from, to, width })),
    });

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

    /** Bring a node into sight, by as little movement as it takes. */
    function reveal(node) {
      const { width, height } = own.size(node);
      const aside = Math.min(width / 2 + 20, frame.clientWidth / 2 / network.getScale());
      const from = network.DOMtoCanvas({ x: 0, y: 0 });
      const to = network.DOMtoCanvas({ x: frame.clientWidth, y: frame.clientHeight });
      const dx = Math.max(node.x + aside - to.x, 0) + Math.min(node.x - aside - from.x, 0);
      const dy = Math.max(node.y + height / 2 + 20 - to.y, 0) + Math.min(node.y - height / 2 - 20 - from.y, 0);
      if (!dx && !dy) return;
      const centre = network.getViewPosition();
      network.moveTo({ position: { x: centre.x + dx, y: centre.y + dy }, animation: false });
    }

    // Details

    function refresh() {
      const item = shown();
      byId("details").replaceChildren(...(item ? own.describe(item, keep) : [hint]));
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

    const tip = (item, place) => common.tip(frame, item && own.tip(item), place);

    // Pointer

    const at = (place) => own.at(network.DOMtoCanvas(place), network.getScale());
    frame.addEventListener("pointermove", (event) => {
      if (event.pointerType === "touch" || event.buttons) return tip(null);
      const place = common.placeOf(frame, event);
      const item = at(place);
      frame.classList.toggle("at-something", item !== null);
      point(item);
      tip(item, place);
    });
    frame.addEventListener("pointerleave", () => {
      point(null);
      tip(null);
    });
    network.on("click", ({ pointer }) => keep(at(pointer.DOM)));
    // The wheel scrolls the page, as everywhere; with Ctrl (or a pinch on a touchpad) it zooms.
    frame.addEventListener("wheel", (event) => event.ctrlKey || event.metaKey || event.stopPropagation(), true);

    // Keyboard: one button a node; arrows go to the nearest one in their direction.

    function nearest(node, [wx, wy]) {
      const cost = (one) => {
        const [dx, dy] = [one.x - node.x, one.y - node.y];
        const ahead = dx * wx + dy * wy;
        return ahead > 0 ? ahead + 2.5 * Math.abs(dx * wy - dy * wx) : Infinity;
      };
      const best = own.walk.reduce((a, b) => (cost(b) < cost(a) ? b : a), node);
      return best === node ? undefined : best;
    }

    byId("walk").replaceChildren(
      ...own.walk.map((node) => {
        node.button = element("button", { type: "button", textContent: own.name(node) });
        node.button.addEventListener("focus", () => {
          reveal(node);
          point(node);
        });
        node.button.addEventListener("blur", () => point(null));
        node.button.addEventListener("click", () => keep(node));
        node.button.addEventListener("keydown", (event) => {
          if (!(event.key in WAYS)) return;
          event.preventDefault();
          nearest(node, WAYS[event.key])?.button.focus();
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
    byId("whole").addEventListener("click", () => own.fit(network, true));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      own.recolour();
      redraw();
    });
    let seenWidth = 0;
    new ResizeObserver(() => {
      if (frame.clientWidth === seenWidth) return;
      seenWidth = frame.clientWidth;
      own.fit(network, false);
    }).observe(frame);
    own.fit(network, false);
  }

  return { create };
})();
