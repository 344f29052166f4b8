"use strict";
/* The page around a placed picture. Labels reach it as text, never as markup. */
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const { element, bdi, facts, ways } = common;
  const paint = scenePaint;
  let colours = paint.theme();

  const isEdge = (item) => "from" in item;
  const told = (item) => facts(item.facts.map(([name]) => name), item.facts.map(([, value]) => value));
  const name = (node) => node.heading || node.label;

  function before(ctx, view, look) {
    for (const area of data.areas) paint.area(ctx, area, colours);
    for (const heading of data.headings) paint.heading(ctx, heading, colours);
    for (const edge of data.edges) if (!look.busy || !look.strong(edge)) paint.line(ctx, edge, look.busy ? 0.14 : 0.75, colours);
    for (const edge of look.busy ? data.edges : []) if (look.strong(edge)) paint.line(ctx, edge, 1, colours);
  }

  function after(ctx, view, look) {
    for (const edge of data.edges) paint.word(ctx, edge, look.busy && !look.strong(edge) ? 0.2 : 1, colours);
  }

  /** The node or line at a point of the map: nodes first, then the thinnest line there, or near. */
  function at({ x, y }, scale) {
    const near = 4 / scale;
    const within = (node) => Math.abs(x - node.x) <= node.width / 2 + near && Math.abs(y - node.y) <= node.height / 2 + near;
    const node = data.nodes.findLast(within);
    if (node) return node;
    const ctx = document.createElement("canvas").getContext("2d");
    const on = (edge) => {
      if (edge.band.length) {
        paint.band(ctx, edge.band);
        return ctx.isPointInPath(x, y);
      }
      paint.curve(ctx, edge.curve);
      ctx.lineWidth = edge.width + 2 * near;
      return ctx.isPointInStroke(x, y);
    };
    return data.edges.filter(on).reduce((a, b) => (a && a.width <= b.width ? a : b), null);
  }

  function title(item) {
    if (!isEdge(item)) return [bdi(name(item))];
    return [bdi(name(item.ends.from)), " → ", bdi(name(item.ends.to))];
  }

  function describe(item, keep) {
    if (isEdge(item)) return [element("h2", {}, ...title(item)), told(item)];
    const lines = item.lines.toSorted((a, b) => b.width - a.width);
    const [into, out] = [lines.filter((edge) => edge.to === item.id), lines.filter((edge) => edge.from === item.id)];
    const way = (end) => (edge) => [name(edge.ends[end]), edge.facts[0]?.[1] ?? "", () => keep(edge)];
    const heading = element("h2", {}, ...title(item), element("span", { textContent: item.where }));
    return [heading, told(item), ways("From", into.map(way("from")), 6), ways("On to", out.map(way("to")), 6)];
  }

  function tip(item) {
    const lines = item.facts.slice(0, 4).map(([what, value]) => element("div", {}, `${what}: `, bdi(value)));
    return [element("b", {}, ...title(item)), ...lines];
  }

  const map = stage.create(data.options, {
    before,
    after,
    node: (ctx, node, view, look) => paint.node(ctx, node, look, colours),
    extent: ({ x, y, width, height }) => ({ left: x - width / 2, top: y - height / 2, right: x + width / 2, bottom: y + height / 2 }),
    at,
    fit: (network, all) => stage.fit(network, { left: 0, width: data.width, height: data.height }, all),
    name: (node) => [name(node), node.where, ...node.facts.slice(0, 3).map(([what, value]) => `${what} ${value}`)].filter(Boolean).join(", "),
    describe,
    tip,
    recolour: () => {
      colours = paint.theme();
    },
  });
  map.show(data.nodes, data.edges, data.nodes);
})();
