"use strict";
/* The journey map on its stage: bars and ribbons, painted by paint.js, and what lies where.

   vis-network draws an edge from the centre of one node to that of another. Ribbons that lie side by side along a bar
   need an end of their own, so vis-network keeps its edges hidden and they are painted before the nodes. */
const picture = (() => {
  const APART = 10; // a label from the next bar

  /** `told` tells what the page knows: lit(item), reached(column), and what the stage asks: name, describe, tip, next. */
  function create({ bar: width, pitch, options }, told) {
    const room = pitch - width - paint.LABEL_AT - APART;
    let colours = paint.theme();
    let layer = { nodes: [], edges: [], columns: [], width: 0, height: 0 };

    const redraw = () => map.redraw();
    const ribbons = backdrop.create((ctx, box) => {
      paint.ribbons(ctx, layer.edges, (edge) => (told.lit(edge) ? 0.38 : 0.06), box, colours);
    }, redraw);
    const labels = backdrop.create((ctx, box) => {
      for (const node of layer.nodes) label(ctx, node, box.scale);
    }, redraw);
    const label = (ctx, node, scale) => paint.label(ctx, node, width, room, told.lit(node) ? 1 : 0.25, scale, colours);

    /** All that could be seen. */
    const whole = () => ({ left: -width, top: 0, right: layer.width, bottom: layer.height });

    function before(ctx, view, look) {
      ribbons.draw(ctx, view, whole(), look.busy ? 0.42 : 1);
      const strong = look.busy ? layer.edges.filter(look.strong) : [];
      paint.ribbons(ctx, strong, (edge) => (told.lit(edge) ? 0.7 : 0.1), view, colours);
    }

    function after(ctx, view, look) {
      labels.draw(ctx, view, whole(), look.busy ? 0.5 : 1);
      for (const node of look.busy ? layer.nodes.filter(look.near) : []) label(ctx, node, view.scale);
      paint.heads(ctx, layer.columns, view, told.reached, colours);
    }

    /** The node or edge at a point of the map: bars first, then labels, then the thinnest ribbon there, or near. */
    function at({ x, y }, scale) {
      const near = 3 / scale;
      const onBar = (node) => Math.abs(x - node.x) <= width / 2 + near && Math.abs(y - node.y) <= node.height / 2 + near;
      const inLabel = (node) => {
        if (!node.text) return false;
        const [start, top] = [node.x + width / 2, paint.labelTop(node)];
        const [across, down] = [paint.LABEL_AT + node.text.width, paint.LINE * (node.text.lines.length + 1)];
        return x >= start && x <= start + across && y >= top && y <= top + down;
      };
      const { nodes, edges } = layer;
      const ribbon = (more) => edges.findLast((edge) => onRibbon(edge, x, y, more));
      return nodes.find(onBar) ?? nodes.find(inLabel) ?? ribbon(0) ?? ribbon(near);
    }

    /** A bar and its label, clear of the heads of the columns. */
    function extent({ x, y, height }) {
      const half = Math.max(height, 3 * paint.LINE) / 2;
      const right = x + width / 2 + paint.LABEL_AT + room;
      return { left: x - width / 2, top: y - half - paint.HEAD, right, bottom: y + half };
    }

    const map = stage.create(options, {
      ...told,
      before,
      after,
      at,
      node: (ctx, node, view, look) => paint.bar(ctx, node, width, look, told.lit(node), colours),
      extent,
      // From the first bar to the last label.
      fit: (network, all) => stage.fit(network, { left: -width / 2, width: layer.width - APART, height: layer.height }, all),
      recolour: () => {
        colours = paint.theme();
        relight();
      },
    });

    /** Paint all anew: filters or colours have changed. */
    function relight() {
      ribbons.stale();
      labels.stale();
    }

    function show(chosen) {
      layer = chosen;
      relight();
      map.show(layer.nodes, layer.edges, layer.nodes);
    }

    return { show, relight };
  }

  /** Whether a point lies on a ribbon: on x its curve runs as 1.5 t (1 - t) + t³, on y as t² (3 - 2 t). */
  function onRibbon(edge, x, y, near) {
    const [x1, y1, x2, y2] = edge.ribbon;
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
