"use strict";
/* How identifiers and links look on vis-network's canvas. A mark's outline and colour tell its type; how it is drawn
   tells whose it is: filled, the user's; hollow, somebody else's; hollow in a broken ring, shared. Lines: solid, accepted;
   double, decided; dashed and crossed out, refused. Lengths are in pixels at zoom 1, texts are as large at any zoom. */
const identityPaint = (() => {
  const RADIUS = 11;
  const FONT = 12.5;
  const LINE = 15;
  const MOST_WORDS = 40; // beside lines, in a picture as a whole
  const LONGEST = 24; // letters of a label
  const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });

  function theme() {
    const colours = common.theme(["page", "panel", "text", "quiet", "focus", "rule", "accepted", "same", "refused"]);
    const types = common.theme([0, 1, 2, 3, 4, 5, 6].map((i) => `c${i}`));
    return { ...colours, types: [0, 1, 2, 3, 4, 5, 6].map((i) => types[`c${i}`]) };
  }

  /** A mark is never so small that its outline could not be told. */
  const radius = (scale) => Math.max(RADIUS, 6.5 / scale);

  /** The beginning and the end of a text, its direction kept to itself. */
  function short(text, longest = LONGEST) {
    const letters = [...graphemes.segment(text.slice(0, 600).replace(/\s+/g, " "))].map((one) => one.segment);
    const cut = letters.length > longest || text.length > 600;
    const tail = Math.floor(longest / 3);
    const kept = cut ? `${letters.slice(0, longest - tail - 1).join("")}…${letters.slice(-tail).join("")}` : letters.join("");
    return `\u2068${kept}\u2069`;
  }

  /** The oval that holds the user's own identifiers. */
  function oval(ctx, [across, down], heading, scale, colours) {
    if (!heading) return;
    ctx.beginPath();
    ctx.ellipse(0, 0, across, down, 0, 0, 2 * Math.PI);
    ctx.fillStyle = colours.panel;
    ctx.fill();
    ctx.lineWidth = 1 / scale;
    ctx.strokeStyle = colours.rule;
    ctx.stroke();
  }

  function line(ctx, edge, opacity, scale, colours) {
    ctx.globalAlpha = opacity;
    ctx.strokeStyle = colours[edge.verdict];
    ctx.lineWidth = Math.max(edge.width, 1 / scale);
    ctx.lineCap = "butt";
    const stroke = () => {
      ctx.beginPath();
      edge.points.forEach(({ x, y }, i) => ctx[i ? "lineTo" : "moveTo"](x, y));
      ctx.stroke();
    };
    ctx.lineJoin = "round";
    if (edge.verdict === "same") {
      const line = Math.max(1.8, 1.2 / scale);
      ctx.lineWidth = 3.4 * line;
      stroke();
      ctx.globalAlpha = 1;
      ctx.strokeStyle = colours.page;
      ctx.lineWidth = 1.4 * line;
      stroke();
    } else if (edge.verdict === "refused") {
      ctx.setLineDash([7 / Math.min(scale, 1), 5 / Math.min(scale, 1)]);
      stroke();
      ctx.setLineDash([]);
      cross(ctx, edge, scale, colours);
    } else {
      stroke();
    }
    ctx.globalAlpha = 1;
  }

  function cross(ctx, edge, scale, colours) {
    const arm = Math.max(5.5, 4 / scale);
    const { x, y } = middle(edge);
    ctx.beginPath();
    ctx.arc(x, y, arm * 1.5, 0, 2 * Math.PI);
    ctx.fillStyle = colours.page;
    ctx.fill();
    ctx.lineWidth = Math.max(2.4, 1.6 / scale);
    ctx.beginPath();
    ctx.moveTo(x - arm, y - arm);
    ctx.lineTo(x + arm, y + arm);
    ctx.moveTo(x + arm, y - arm);
    ctx.lineTo(x - arm, y + arm);
    ctx.stroke();
  }

  /** The point halfway along a line. */
  function middle({ points }) {
    const { x, y } = points[points.length >> 1];
    if (points.length % 2) return { x, y };
    const before = points[(points.length >> 1) - 1];
    return { x: (x + before.x) / 2, y: (y + before.y) / 2 };
  }

  function outline(ctx, node, shapes, size) {
    ctx.beginPath();
    shapes[node.mark].forEach(([x, y], i) => ctx[i ? "lineTo" : "moveTo"](node.x + x * size, node.y + y * size));
    ctx.closePath();
  }

  function node(ctx, node, shapes, look, scale, colours) {
    if (node.place === "more") return;
    const size = radius(scale);
    ctx.globalAlpha = look.busy && !look.near(node) ? 0.35 : 1;
    ctx.lineJoin = "round";
    if (node.held) {
      outline(ctx, node, shapes, size * 1.75);
      ctx.fillStyle = colours.page;
      ctx.fill();
      ctx.strokeStyle = colours.text;
      ctx.lineWidth = 1.4 / Math.min(scale, 1);
      ctx.stroke();
    }
    outline(ctx, node, shapes, size);
    if (node.place === "own") {
      ctx.fillStyle = colours.types[node.colour];
      ctx.fill();
      ctx.lineWidth = 1.2 / Math.min(scale, 1);
      ctx.strokeStyle = colours.text;
      ctx.stroke();
    } else {
      ctx.fillStyle = colours.page;
      ctx.fill();
      const thin = 1 / Math.min(scale, 1);
      for (const [colour, width] of [[colours.text, 4.6 * thin], [colours.types[node.colour], 3 * thin]]) {
        ctx.strokeStyle = colour;
        ctx.lineWidth = width;
        ctx.stroke();
      }
      if (node.place === "shared") {
        ctx.beginPath();
        ctx.arc(node.x, node.y, size * 1.75, 0, 2 * Math.PI);
        ctx.setLineDash([4 * thin, 3.2 * thin]);
        ctx.lineWidth = 1.6 * thin;
        ctx.strokeStyle = colours.text;
        ctx.stroke();
        ctx.setLineDash([]);
      }
    }
    if (look.ring(node)) {
      ctx.beginPath();
      ctx.arc(node.x, node.y, size * 2.2, 0, 2 * Math.PI);
      ctx.strokeStyle = colours.focus;
      ctx.lineWidth = 3 / scale;
      ctx.stroke();
    }
    ctx.globalAlpha = 1;
  }

  /** Where labels go so that none covers another or a mark: below, above, beside; else nowhere until one zooms in. */
  function labels(ctx, nodes, edges, heading, scale, bounds, colours) {
    ctx.font = `${FONT}px ${colours.font}`;
    const size = radius(scale) * scale;
    const cell = 64;
    const grid = new Map();
    const cells = function* (box) {
      for (let x = Math.floor(box.left / cell); x <= Math.floor(box.right / cell); x++) {
        for (let y = Math.floor(box.top / cell); y <= Math.floor(box.bottom / cell); y++) yield `${x} ${y}`;
      }
    };
    const occupy = (box) => {
      for (const at of cells(box)) grid.set(at, [...(grid.get(at) ?? []), box]);
    };
    const apart = (a, b) => a.left >= b.right || a.right <= b.left || a.top >= b.bottom || a.bottom <= b.top;
    const inside = (box) =>
      box.left >= bounds.left && box.right <= bounds.right && box.top >= bounds.top && box.bottom <= bounds.bottom;
    const free = (box) => inside(box) && [...cells(box)].every((at) => (grid.get(at) ?? []).every((other) => apart(box, other)));
    for (const one of nodes) {
      const [x, y] = [one.x * scale, one.y * scale];
      if (one.place !== "more") occupy({ left: x - size, right: x + size, top: y - size, bottom: y + size });
    }
    const crossed = edges.filter((edge) => edge.verdict === "refused");
    for (const edge of crossed) {
      const { x, y } = middle(edge);
      occupy({ left: x * scale - 7, right: x * scale + 7, top: y * scale - 7, bottom: y * scale + 7 });
    }
    const placed = [];
    const put = (item, text, spots, look) => {
      const width = ctx.measureText(text).width;
      for (const { x, y, align } of spots(width)) {
        const left = align === "center" ? x - width / 2 : align === "right" ? x - width : x;
        const box = { left: left - 2, right: left + width + 2, top: y - LINE / 2, bottom: y + LINE / 2 };
        if (!free(box)) continue;
        occupy(box);
        placed.push({ item, text, x: left / scale, y: y / scale, ...look });
        return;
      }
    };
    if (heading) put(null, heading.text, () => [{ x: 0, y: -heading.down * scale + LINE, align: "center" }], { bold: true });
    for (const one of nodes) {
      const [x, y] = [one.x * scale, one.y * scale];
      const wide = size * (one.held || one.place === "shared" ? 1.75 : 1);
      const [off, aside] = [wide + LINE / 2 + 2, wide + 6];
      const spots = () => [
        { x, y: y + off, align: "center" }, { x, y: y - off, align: "center" },
        { x: x + aside, y, align: "left" }, { x: x - aside, y, align: "right" },
      ];
      put(one, short(one.label), one.place === "more" ? () => [{ x, y, align: "center" }] : spots, {});
    }
    // Crosses alone tell what was refused where the words would hide it.
    for (const edge of crossed.length > MOST_WORDS && scale < 1 ? [] : edges) {
      if (!edge.why) continue;
      const at = middle(edge);
      const [x, y] = [at.x * scale, at.y * scale];
      const long = Math.hypot(edge.ends.to.x - edge.ends.from.x, edge.ends.to.y - edge.ends.from.y) * scale;
      const spots = (width) => (long < width ? [] : [
        { x: x + 11, y, align: "left" }, { x: x - 11, y, align: "right" },
        { x, y: y + 16, align: "center" }, { x, y: y - 16, align: "center" },
      ]);
      put(edge, short(edge.why, 40), spots, { tint: edge.verdict });
    }
    return placed;
  }

  /** A text with a rim in the colour of the page, so that lines do not run through it. */
  function text(ctx, label, opacity, scale, colours) {
    ctx.globalAlpha = opacity;
    ctx.font = `${label.bold ? "600 " : ""}${FONT / scale}px ${colours.font}`;
    ctx.textAlign = "left";
    ctx.textBaseline = "middle";
    ctx.direction = "ltr";
    ctx.lineJoin = "round";
    ctx.lineWidth = 3.5 / scale;
    ctx.strokeStyle = colours.page;
    ctx.strokeText(label.text, label.x, label.y);
    ctx.fillStyle = label.tint ? colours[label.tint] : label.bold ? colours.quiet : colours.text;
    ctx.fillText(label.text, label.x, label.y);
    ctx.globalAlpha = 1;
  }

  return { theme, radius, oval, line, node, labels, text, middle, short };
})();
