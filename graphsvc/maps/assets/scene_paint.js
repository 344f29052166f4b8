"use strict";
/* How a placed picture looks on vis-network's canvas. Lengths are in pixels at zoom 1. */
const scenePaint = (() => {
  const { wrap, write, mark } = common;
  const FONT = 13;
  const SMALL = 12;
  const LINE = 15.5;
  const TINTS = ["touchpoint", "other", "converted", "open", "dropped", "beyond", "ribbon", "minus", "plus", "back", "even"];

  const theme = () => common.theme(["page", "panel", "text", "quiet", "focus", "rule", ...TINTS]);

  function area(ctx, { left, top, right, bottom, tint }, colours) {
    ctx.fillStyle = colours[tint];
    ctx.beginPath();
    ctx.roundRect(left, top, right - left, bottom - top, Math.min(8, (bottom - top) / 2));
    ctx.fill();
  }

  function curve(ctx, points) {
    ctx.beginPath();
    ctx.moveTo(points[0], points[1]);
    for (let i = 2; i < points.length; i += 6) ctx.bezierCurveTo(...points.slice(i, i + 6));
  }

  function band(ctx, [left, right, top, below, beyond, bottom]) {
    const middle = (top + bottom) / 2;
    ctx.beginPath();
    ctx.moveTo(left, top);
    ctx.bezierCurveTo(left, middle, below, middle, below, bottom);
    ctx.lineTo(beyond, bottom);
    ctx.bezierCurveTo(beyond, middle, right, middle, right, top);
    ctx.closePath();
  }

  function line(ctx, edge, opacity, colours) {
    ctx.globalAlpha = opacity;
    ctx.fillStyle = ctx.strokeStyle = colours[edge.tint];
    if (edge.band.length) {
      band(ctx, edge.band);
      ctx.fill();
    } else {
      const head = edge.arrow ? 6 + edge.width : 0;
      const points = [...edge.curve];
      const [cx, cy, x, y] = points.slice(-4);
      const long = Math.hypot(x - cx, y - cy) || 1;
      const [ux, uy] = [(x - cx) / long, (y - cy) / long];
      points.splice(-2, 2, x - ux * head * 0.9, y - uy * head * 0.9);
      ctx.lineWidth = edge.width;
      ctx.lineCap = "butt";
      ctx.setLineDash(edge.dashed ? [6 + edge.width / 2, 4 + edge.width / 3] : []);
      curve(ctx, points);
      ctx.stroke();
      ctx.setLineDash([]);
      if (head) {
        const half = head * 0.62;
        ctx.beginPath();
        ctx.moveTo(x, y);
        ctx.lineTo(x - ux * head - uy * half, y - uy * head + ux * half);
        ctx.lineTo(x - ux * head + uy * half, y - uy * head - ux * half);
        ctx.fill();
      }
    }
    ctx.globalAlpha = 1;
  }

  /** The word beside a line. */
  function word(ctx, edge, opacity, colours) {
    if (!edge.at) return;
    ctx.globalAlpha = opacity;
    ctx.font = `600 ${SMALL}px ${colours.font}`;
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    ctx.lineJoin = "round";
    write(ctx, edge.text, edge.at[0], edge.at[1], edge.tint === "ribbon" ? colours.quiet : colours[edge.tint], colours.page);
    ctx.globalAlpha = 1;
  }

  function shape(ctx, node, grow = 0) {
    const [left, top] = [node.x - node.width / 2 - grow, node.y - node.height / 2 - grow];
    ctx.beginPath();
    if (node.look === "dot" || node.look === "end") ctx.arc(node.x, node.y, node.width / 2 + grow, 0, 2 * Math.PI);
    else ctx.roundRect(left, top, node.width + 2 * grow, node.height + 2 * grow, node.look === "cell" ? 2 : 7);
  }

  function node(ctx, node, look, colours) {
    const opacity = look.busy && !look.near(node) ? 0.35 : 1;
    ctx.globalAlpha = opacity;
    if (node.look === "end") {
      mark(ctx, node.tint, node.x, node.y, colours);
    } else {
      shape(ctx, node);
      ctx.fillStyle = colours.page;
      ctx.fill();
      const full = node.look === "bar" || node.look === "dot";
      ctx.globalAlpha = opacity * (full ? 1 : node.strength * 0.5);
      ctx.fillStyle = ctx.strokeStyle = colours[node.tint];
      ctx.fill();
      ctx.globalAlpha = opacity;
      if (node.look === "box" || node.look === "more") {
        ctx.lineWidth = 1.4;
        ctx.setLineDash(node.look === "more" ? [5, 4] : []);
        ctx.stroke();
        ctx.setLineDash([]);
      }
    }
    if (look.ring(node)) {
      ctx.globalAlpha = 1;
      shape(ctx, node, 4);
      ctx.strokeStyle = colours.focus;
      ctx.lineWidth = 2.5;
      ctx.stroke();
    }
    texts(ctx, node, node.x + node.text.dx, node.y + node.text.dy, node.text, opacity, colours);
    ctx.globalAlpha = 1;
  }

  const heading = (ctx, one, colours) =>
    texts(ctx, one, one.x, one.y, { align: one.align, room: one.room, lines: one.lines }, 1, colours);

  /** A label and the caption below it, centred on a height. */
  function texts(ctx, item, x, y, { align, room, lines }, opacity, colours) {
    item.told ??= measure(ctx, item, room, lines, colours.font);
    const { label, caption } = item.told;
    ctx.globalAlpha = opacity;
    ctx.textAlign = align;
    ctx.textBaseline = "middle";
    ctx.lineJoin = "round";
    const seam = item.look === "box" || item.look === "cell" || item.look === "more" ? "transparent" : colours.page;
    let at = y - ((label.length + caption.length - 1) * LINE) / 2;
    ctx.font = `600 ${FONT}px ${colours.font}`;
    for (const line of label) {
      write(ctx, line, x, at, colours.text, seam);
      at += LINE;
    }
    ctx.font = `${SMALL}px ${colours.font}`;
    for (const line of caption) {
      write(ctx, line, x, at, item.look === "cell" ? colours.text : colours.quiet, seam);
      at += LINE;
    }
    ctx.globalAlpha = 1;
  }

  function measure(ctx, item, room, lines, font) {
    ctx.font = `600 ${FONT}px ${font}`;
    const text = item.label ?? item.text;
    const label = text ? wrap(ctx, text, room, lines) : [];
    ctx.font = `${SMALL}px ${font}`;
    const caption = item.caption ? item.caption.split("\n").map((line) => wrap(ctx, line, room, 1)[0]) : [];
    return { label, caption };
  }

  return { theme, area, line, word, node, heading, curve, band };
})();
