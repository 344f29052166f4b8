"use strict";
/* The page of a user's identifiers: where its labels go, what is told of it. Values reach the page as text, never as markup. */
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const { byId, element, bdi, facts, ways } = common;
  const paint = identityPaint;
  const frame = byId("map");

  const nodes = new Map(data.nodes.map((node) => [node.id, node]));
  for (const edge of data.edges) {
    edge.points = [nodes.get(edge.from), ...edge.bend.map(([x, y]) => ({ x, y })), nodes.get(edge.to)];
  }
  const ORDER = ["same", "accepted", "refused"];
  const marks = data.nodes.filter((node) => node.place !== "more");
  const heading = data.own ? { text: data.own, down: data.oval[1] } : null;
  let colours = paint.theme();
  let placed = { scale: 0, labels: [] };

  const isEdge = (item) => "from" in item;
  const other = (edge, node) => (edge.ends.from === node ? edge.ends.to : edge.ends.from);

  // The picture

  function before(ctx, { scale }, look) {
    paint.oval(ctx, data.oval, data.own, scale, colours);
    const dim = look.busy ? 0.15 : 0.9;
    for (const edge of data.edges) if (!look.busy || !look.strong(edge)) paint.line(ctx, edge, dim, scale, colours);
    for (const edge of look.busy ? data.edges : []) if (look.strong(edge)) paint.line(ctx, edge, 1, scale, colours);
  }

  function after(ctx, { scale }, look) {
    if (placed.scale !== scale) {
      placed = { scale, labels: paint.labels(ctx, data.nodes, data.edges, heading, scale, bounds(scale), colours) };
    }
    for (const label of placed.labels) {
      const item = label.item;
      const near = !look.busy || item === null || (isEdge(item) ? look.strong(item) : look.near(item));
      paint.text(ctx, label, near ? 1 : 0.25, scale, colours);
    }
  }

  const whole = (() => {
    const [across, down] = data.own ? data.oval : [80, 40];
    const points = [...data.nodes, ...data.edges.flatMap((edge) => edge.points)];
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
  function fit(network) {
    const width = frame.clientWidth;
    const most = Math.max(Math.min(innerHeight * 0.78, 860), 360);
    const scale = Math.min((width - 2 * aside()) / whole.width, (most - 2 * ABOVE) / whole.height, 1.15);
    frame.style.height = `${Math.round(Math.max(whole.height * scale + 2 * ABOVE, 220))}px`;
    network.setSize("100%", "100%");
    network.redraw(); // takes the new size, before anything is placed by it
    network.moveTo({ position: { x: whole.x, y: whole.y }, scale, animation: false });
  }

  /** The identifier or line at a point of the map. */
  function at({ x, y }, scale) {
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

  /** The pairs of an identifier: decided ones first, then by strength. */
  function pairs(node, keep) {
    const lines = node.lines.toSorted(
      (a, b) => ORDER.indexOf(a.verdict) - ORDER.indexOf(b.verdict) || b.width - a.width,
    );
    const told = (edge) => [`${other(edge, node).kind}:${other(edge, node).label}`, edge.facts[0], () => keep(edge)];
    return ways("Linked", lines.map(told), 12);
  }

  function describe(item, keep) {
    if (isEdge(item)) {
      const { from, to } = item.ends;
      const title = element("h2", {}, bdi(from.id), ` ${item.verdict === "refused" ? "≠" : "="} `, bdi(to.id));
      return [title, facts(data.edgeFacts, item.facts)];
    }
    return [element("h2", {}, bdi(item.label)), facts(data.nodeFacts, item.facts), pairs(item, keep)];
  }

  function tip(item) {
    if (!isEdge(item)) {
      return [element("b", {}, bdi(item.label)), element("div", {}, bdi(`${item.kind} · ${item.facts[1]}`))];
    }
    const [verdict, events, first, last, sources, confidence, declared] = item.facts;
    const seen = [first, last].filter((time, i, all) => time !== "–" && all.indexOf(time) === i).join(" to ");
    const lines = [verdict, `${events} event${events === "1" ? "" : "s"}${seen && `, ${seen}`}`];
    if (sources !== "–") lines.push(`from ${sources}`);
    if (confidence !== "–") lines.push(`confidence ${confidence}${declared === "yes" ? ", declared" : ""}`);
    const title = element("b", {}, bdi(item.ends.from.label), " – ", bdi(item.ends.to.label));
    return [title, ...lines.map((line) => element("div", {}, bdi(line)))];
  }

  const map = stage.create(data.options, {
    before,
    after,
    node: (ctx, node, { scale }, look) => paint.node(ctx, node, data.shapes, look, scale, colours),
    extent: ({ x, y }) => ({ left: x - 12, top: y - 12, right: x + 12, bottom: y + 12 }),
    at,
    fit,
    name: (node) =>
      `${node.kind} ${paint.short(node.label, 80)}, ${node.facts[1]}, ${node.facts[4]} accepted, ${node.facts[5]} refused`,
    describe,
    tip,
    recolour: () => {
      colours = paint.theme();
    },
  });
  map.show(data.nodes, data.edges, marks);
})();
