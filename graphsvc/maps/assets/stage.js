"use strict";
/* A picture that stands still and is asked: vis-network holds nodes, edges, canvas and viewport; readers point, click,
   zoom and walk by keyboard. What it looks like and what is told of it is its own page's. */
const stage = (() => {
  const { byId, element } = common;
  const WAYS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const APART = 10; // a node that is brought into sight, from the frame
  const MARGIN = 16;
  const SMALLEST_SCALE = 0.72; // of the first view: below, labels are hard to read
  const READABLE_SCALE = 0.85; // where the picture does not fit even so

  /**
   * Make a stage in the page's frame; show(nodes, edges, walk) puts a picture there, any number of times: each edge
   * gets its `ends`, each node its `lines`, and the keyboard reaches the nodes of `walk`. redraw() asks for a frame.
   *
   * `own` tells the rest: before(ctx, view, look), node(ctx, node, view, look), after(ctx, view, look) paint, where
   * `view` is what part of the map is seen, at what scale; extent(node) is the box in which it is drawn;
   * at(point, scale) finds what lies at a point of the map; fit(network, all) sets the first view, or all of the map;
   * name(node) says a node that has the focus; describe(item, keep) and tip(item) give elements; recolour() reads the
   * theme anew. next(node, key), if there is one, is where an arrow key leads; else it leads to the nearest that way.
   */
  function create(options, own) {
    const frame = byId("map");
    const details = byId("details");
    const hint = details.firstElementChild;
    let byKey = new Map();
    let walk = [];
    let pointed = null; // the node or edge under the pointer
    let focused = null; // the node with the keyboard's focus
    let kept = null; // the one that was clicked
    let waiting = false;

    const isEdge = (item) => "from" in item;
    const shown = () => pointed ?? focused ?? kept;
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
      ring: (node) => node === kept || node === focused || node === pointed,
    };

    const told = structuredClone(options);
    told.nodes.ctxRenderer = ({ ctx, id }) => ({
      drawNode: () => own.node(ctx, byKey.get(id), view(), look),
      nodeDimensions: around(byKey.get(id)),
    });
    const network = new vis.Network(frame, { nodes: [], edges: [] }, told);
    frame.querySelector(".vis-network").tabIndex = -1; // the list of nodes takes the keyboard
    network.on("beforeDrawing", (ctx) => own.before(ctx, view(), look));
    network.on("afterDrawing", (ctx) => own.after(ctx, view(), look));

    /** The size of what vis-network takes to be in sight when the node is: as far to either side as it is drawn. */
    function around(node) {
      const { left, top, right, bottom } = own.extent(node);
      return { width: 2 * Math.max(node.x - left, right - node.x), height: 2 * Math.max(node.y - top, bottom - node.y) };
    }

    function show(nodes, edges, reached) {
      byKey = new Map(nodes.map((node) => [node.id, node]));
      for (const node of nodes) node.lines = [];
      for (const edge of edges) {
        edge.ends = { from: byKey.get(edge.from), to: byKey.get(edge.to) };
        for (const end of new Set(Object.values(edge.ends))) end.lines.push(edge);
      }
      network.setData({
        nodes: nodes.map(({ id, shape, x, y }) => ({ id, shape, x, y })),
        edges: edges.map(({ from, to, width }, id) => ({ id, from, to, width })),
      });
      walk = reached;
      byId("walk").replaceChildren(...walk.map((node) => element("li", {}, button(node))));
      own.fit(network, false);
      keep(null);
    }

    /** What part of the map is seen. */
    function view() {
      const from = network.DOMtoCanvas({ x: 0, y: 0 });
      const to = network.DOMtoCanvas({ x: frame.clientWidth, y: frame.clientHeight });
      return { left: from.x, top: from.y, right: to.x, bottom: to.y, scale: network.getScale() };
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

    /** Bring a node into sight, by as little movement as it takes. */
    function reveal(node) {
      const [{ left, top, right, bottom }, seen] = [own.extent(node), view()];
      // Where there is no room for all of it, its beginning.
      const shift = (low, high, from, to) => (low < from ? low - from : Math.min(Math.max(high - to, 0), low - from));
      const dx = shift(left - APART, right + APART, seen.left, seen.right);
      const dy = shift(top - APART, bottom + APART, seen.top, seen.bottom);
      if (!dx && !dy) return;
      const centre = network.getViewPosition();
      network.moveTo({ position: { x: centre.x + dx, y: centre.y + dy }, animation: false });
    }

    // Details

    /** Tell what is shown now; who was reading there goes on at its heading. */
    function refresh(focusing) {
      const item = shown();
      const reading = details.contains(document.activeElement);
      details.replaceChildren(...(item ? own.describe(item, keep) : [hint]));
      if (reading) {
        details.firstElementChild.tabIndex = -1;
        details.firstElementChild.focus(focusing);
      }
      redraw();
    }

    function point(item) {
      if (item === pointed) return;
      pointed = item;
      refresh({ preventScroll: true }); // the pointer is elsewhere on the page
    }

    function attend(node) {
      focused = node;
      pointed = null;
      refresh();
    }

    function keep(item) {
      kept = item;
      attend(null);
    }

    const tip = (item, place) => common.tip(frame, item && own.tip(item), place);

    // Pointer

    const at = (place) => own.at(network.DOMtoCanvas(place), network.getScale()) ?? null;
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

    // Keyboard: one button a node.

    function nearest(node, key) {
      const [wx, wy] = WAYS[key];
      const cost = (one) => {
        const [dx, dy] = [one.x - node.x, one.y - node.y];
        const ahead = dx * wx + dy * wy;
        return ahead > 0 ? ahead + 2.5 * Math.abs(dx * wy - dy * wx) : Infinity;
      };
      const best = walk.reduce((a, b) => (cost(b) < cost(a) ? b : a), node);
      return best === node ? undefined : best;
    }
    const next = own.next ?? nearest;

    function button(node) {
      node.button = element("button", { type: "button", textContent: own.name(node) });
      node.button.addEventListener("focus", () => {
        reveal(node);
        attend(node);
      });
      // Not on the way into its details: what Tab is about to reach must not be made anew.
      node.button.addEventListener("blur", (event) => details.contains(event.relatedTarget) || attend(null));
      node.button.addEventListener("click", () => keep(node));
      node.button.addEventListener("keydown", (event) => {
        if (!(event.key in WAYS) || event.altKey || event.ctrlKey || event.metaKey) return;
        event.preventDefault();
        next(node, event.key)?.button.focus();
      });
      return node.button;
    }

    details.addEventListener("focusout", ({ relatedTarget }) => {
      if (relatedTarget && !details.contains(relatedTarget)) attend(null); // null: what had the focus was removed
    });

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
    return { show, redraw };
  }

  /** The first view: all of a picture where labels stay readable, else its beginning. On demand all of it anyhow. */
  function fit(network, { left, width, height }, all) {
    const frame = byId("map");
    const inside = frame.clientWidth - 2 * MARGIN;
    const fitting = Math.min(inside / width, 1.15);
    const whole = Math.min(fitting, (innerHeight * 0.9) / (height + 2 * MARGIN));
    const scale = all ? whole : fitting < SMALLEST_SCALE ? READABLE_SCALE : fitting;
    if (!all) frame.style.height = `${Math.max(Math.round(height * scale + 2 * MARGIN), 160)}px`;
    network.setSize("100%", "100%");
    network.redraw(); // takes the new size, before anything is placed by it
    const x = left + (fitting < scale ? inside / scale : width) / 2;
    network.moveTo({ position: { x, y: height / 2 }, scale, animation: false });
  }

  return { create, fit };
})();
