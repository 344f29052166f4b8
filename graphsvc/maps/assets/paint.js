"use strict";
/* How the map looks: ribbons, bars, labels and the heads of the columns, drawn on vis-network's canvas.

   Lengths are in pixels at zoom 1. A filter dims what is not `lit`. `look` is the stage's: while the reader points at
   something, busy is true, and near(node) and ring(node) tell its nodes. */
const paint = (() => {
  const FONT = 12.5;
  const SMALL = 11.5;
  const LINE = 15;
  const HEAD = 38; // height of the heads of the columns
  const LABEL_AT = 8; // from the bar to its label
  const UNREADABLE = 5.5; // on screen; smaller texts are left out
  const KINDS = ["touchpoint", "other", "converted", "open", "dropped", "beyond"];
  const { wrap, write, mark } = common;

  const theme = () => common.theme(["page", "text", "quiet", "focus", "rule", "ribbon", ...KINDS]);

  /** Whether a node is where journeys end, or leave the map. */
  const isEnd = ({ kind }) => kind !== "touchpoint" && kind !== "other";

  /** Whether a ribbon is too wide for a line to bend from bar to bar: it is an area between two lines then. */
  const isBand = ({ width, ribbon }) => width > (ribbon[2] - ribbon[0]) / 3;

  /** The journeys of edges, as wide as they are many, in the colour of where they end. */
  function ribbons(ctx, edges, opacity, box, colours) {
    ctx.lineCap = "butt";
    for (const edge of edges) {
      const [x1, y1, x2, y2] = edge.ribbon;
      if (x2 < box.left || x1 > box.right) continue;
      ctx.globalAlpha = opacity(edge);
      ctx.fillStyle = ctx.strokeStyle = colours[isEnd(edge.ends.to) ? edge.ends.to.kind : "ribbon"];
      ctx.lineWidth = Math.max(edge.width, 0.7 / box.scale);
      const middle = (x1 + x2) / 2;
      const half = isBand(edge) ? edge.width / 2 : 0;
      ctx.beginPath();
      ctx.moveTo(x1, y1 - half);
      ctx.bezierCurveTo(middle, y1 - half, middle, y2 - half, x2, y2 - half);
      if (half) {
        ctx.lineTo(x2, y2 + half);
        ctx.bezierCurveTo(middle, y2 + half, middle, y1 + half, x1, y1 + half);
        ctx.fill();
      } else {
        ctx.stroke();
      }
    }
    ctx.globalAlpha = 1;
  }

  /** The bar of a node; its shape tells its kind without its colour. */
  function bar(ctx, node, width, look, lit, colours) {
    const left = node.x - width / 2;
    const top = node.y - node.height / 2;
    const bottom = top + node.height;
    const round = Math.min(node.height / 2, node.kind === "converted" ? width / 2 : 2);
    ctx.globalAlpha = !lit ? 0.12 : look.busy && !look.near(node) ? 0.45 : 1;
    ctx.fillStyle = ctx.strokeStyle = colours[node.kind];
    ctx.beginPath();
    if (node.kind === "dropped" && node.height > 8) {
      ctx.moveTo(left, top);
      ctx.lineTo(left + width, top);
      ctx.lineTo(left + width, bottom);
      ctx.lineTo(node.x, bottom + 6);
      ctx.lineTo(left, bottom);
      ctx.closePath();
    } else if (node.kind === "beyond" && node.height > 8) {
      ctx.moveTo(left, top);
      ctx.lineTo(left + width, top);
      ctx.lineTo(left + width + 5, node.y);
      ctx.lineTo(left + width, bottom);
      ctx.lineTo(left, bottom);
      ctx.closePath();
    } else {
      ctx.roundRect(left, top, width, node.height, round);
    }
    if (node.kind === "open" || node.kind === "other") {
      ctx.save();
      ctx.clip();
      ctx.fillStyle = colours.page;
      ctx.fill();
      ctx.lineWidth = 3;
      ctx.stroke();
      if (node.kind === "other") hatch(ctx, left, top, width, bottom);
      ctx.restore();
    } else {
      ctx.fill();
    }
    if (look.ring(node)) {
      ctx.globalAlpha = 1;
      ctx.strokeStyle = colours.focus;
      ctx.lineWidth = 2.5;
      ctx.beginPath();
      ctx.roundRect(left - 3.5, top - 3.5, width + 7, node.height + 7, 4);
      ctx.stroke();
    }
  }

  function hatch(ctx, left, top, width, bottom) {
    ctx.lineWidth = 1.4;
    ctx.beginPath();
    for (let y = top; y < bottom + width; y += 5) {
      ctx.moveTo(left, y);
      ctx.lineTo(left + width, y - width);
    }
    ctx.stroke();
  }

  /** The label right of a bar: its name in one or two lines, and below it how many journeys. */
  function label(ctx, node, width, room, opacity, scale, colours) {
    node.text ??= measure(ctx, node, room, colours.font);
    if (FONT * scale < UNREADABLE) return;
    ctx.textAlign = "left";
    ctx.textBaseline = "middle";
    ctx.lineJoin = "round";
    const x = node.x + width / 2 + LABEL_AT;
    let y = labelTop(node) + LINE / 2;
    ctx.globalAlpha = opacity;
    ctx.font = `600 ${FONT}px ${colours.font}`;
    for (const line of node.text.lines) {
      write(ctx, line, x + node.text.indent, y, colours.text, colours.page);
      y += LINE;
    }
    if (node.text.indent) mark(ctx, node.kind, x + 5, labelTop(node) + LINE / 2, colours);
    ctx.font = `${SMALL}px ${colours.font}`;
    write(ctx, node.text.caption, x, y, colours.quiet, colours.page);
    ctx.globalAlpha = 1;
  }

  /** Where the label begins: beside the middle of a touchpoint's bar, along the line that the bars of an end stand on. */
  function labelTop(node) {
    const height = LINE * (node.text.lines.length + 1);
    if (node.kind === "converted") return node.y + node.height / 2 - height;
    if (node.kind === "dropped" || node.kind === "open") return node.y - node.height / 2;
    return node.y - height / 2;
  }

  function measure(ctx, node, room, font) {
    const indent = isEnd(node) ? 15 : 0;
    ctx.font = `600 ${FONT}px ${font}`;
    const lines = wrap(ctx, node.label, room - indent, node.height >= 3 * LINE ? 2 : 1);
    const widest = Math.max(...lines.map((line) => ctx.measureText(line).width)) + indent;
    ctx.font = `${SMALL}px ${font}`;
    const [caption] = wrap(ctx, node.caption, room, 1);
    return { indent, lines, caption, width: Math.max(widest, ctx.measureText(caption).width) };
  }

  /** Step 1, step 2, …: always in sight, at the top of what is seen; those that are not reached are dimmed. */
  function heads(ctx, columns, view, reached, colours) {
    if (FONT * view.scale < UNREADABLE) return;
    const top = Math.max(0, view.top + 4 / view.scale);
    ctx.globalAlpha = 0.88;
    ctx.fillStyle = colours.page;
    ctx.fillRect(view.left, view.top, view.right - view.left, top + HEAD - view.top);
    ctx.textAlign = "left";
    ctx.textBaseline = "top";
    for (const column of columns) {
      ctx.globalAlpha = reached(column) ? 1 : 0.3;
      ctx.font = `600 ${FONT}px ${colours.font}`;
      ctx.fillStyle = colours.text;
      ctx.fillText(column.title, column.x - 7, top + 4);
      ctx.font = `${SMALL}px ${colours.font}`;
      ctx.fillStyle = colours.quiet;
      ctx.fillText(column.caption, column.x - 7, top + 20);
    }
    ctx.globalAlpha = 1;
  }

  return { theme, ribbons, isBand, isEnd, bar, label, labelTop, heads, LABEL_AT, LINE, HEAD };
})();
