"use strict";
/* What the pages of all pictures share. Labels reach the page as text, never as markup. */
const common = (() => {
  const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });
  const byId = (id) => document.getElementById(id);

  function element(name, properties = {}, ...children) {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  }

  const bdi = (text, more = {}) => element("bdi", { textContent: text, ...more });

  /** Names and values, those that there are none of left out. */
  function facts(names, values) {
    const list = element("dl", { className: "facts" });
    names.forEach((name, i) => {
      if (values[i] === "–") return;
      list.append(element("div", {}, element("dt", { textContent: name }), element("dd", {}, bdi(values[i]))));
    });
    return list;
  }

  /** Buttons that lead to other items, the first few of `items`: `[text, told, onclick]` each. */
  function ways(title, items, most) {
    const lines = items.slice(0, most).map(([text, told, onclick]) => {
      const count = element("span", { className: "count", textContent: ` ${told}` });
      return element("li", {}, element("button", { type: "button", onclick }, bdi(text, { className: "clip" }), count));
    });
    if (items.length > most) lines.push(element("li", { textContent: `and ${items.length - most} more` }));
    return lines.length ? element("ul", { className: "ways" }, element("li", { textContent: title }), ...lines) : "";
  }

  /** Where in an element something happened. */
  function placeOf(frame, event) {
    const box = frame.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  /** Show some lines beside the pointer, or nothing. */
  function tip(frame, lines, place) {
    const box = byId("tip");
    box.hidden = !lines;
    if (!lines) return;
    box.replaceChildren(...lines);
    const [width, height] = [box.offsetWidth, box.offsetHeight];
    const left = Math.min(Math.max(place.x + 14, 4), frame.offsetWidth - width - 4);
    const top = place.y + 18 + height > frame.offsetHeight ? place.y - height - 12 : place.y + 18;
    box.style.transform = `translate(${Math.max(left, 4)}px, ${Math.max(top, 4)}px)`;
  }

  // On the canvas

  /** Colours of the page as they are now, light or dark, by the names of its properties; and its font. */
  function theme(names) {
    const style = getComputedStyle(document.documentElement);
    const read = (name) => style.getPropertyValue(`--${name}`).trim();
    return { ...Object.fromEntries(names.map((name) => [name, read(name)])), font: read("font") };
  }

  /** A text in at most `most` lines of some width, cut with an ellipsis where it is longer. */
  function wrap(ctx, text, width, most) {
    const fits = (line) => ctx.measureText(line).width <= width;
    const lines = [];
    let rest = text.replace(/\s+/g, " ").trim();
    while (lines.length < most - 1 && !fits(rest)) {
      const breaks = [...rest.matchAll(/ |(?<=[_:/-])/g)].map((one) => one.index);
      const cut = breaks.filter((at) => at && fits(rest.slice(0, at).trimEnd())).pop();
      if (!cut) break;
      lines.push(rest.slice(0, cut).trimEnd());
      rest = rest.slice(cut).trimStart();
    }
    return [...lines, fits(rest) ? rest : shortened(rest, fits)];
  }

  function shortened(text, fits) {
    const parts = [...graphemes.segment(text.slice(0, 200))].map((part) => part.segment);
    let [few, many] = [0, parts.length];
    while (few < many) {
      const half = Math.ceil((few + many) / 2);
      if (fits(parts.slice(0, half).join("") + "…")) few = half;
      else many = half - 1;
    }
    return parts.slice(0, few).join("").trimEnd() + "…";
  }

  /** A text with a seam of the page's colour, so that it stands out from what lies under it. */
  function write(ctx, text, x, y, colour, page) {
    ctx.strokeStyle = page;
    ctx.lineWidth = 3.5;
    ctx.strokeText(text, x, y);
    ctx.fillStyle = colour;
    ctx.fillText(text, x, y);
  }

  /** The sign of an end; the legend shows the same. */
  function mark(ctx, kind, x, y, colours) {
    ctx.fillStyle = ctx.strokeStyle = colours[kind];
    ctx.lineWidth = 2;
    ctx.beginPath();
    if (kind === "converted") {
      ctx.arc(x, y, 5.5, 0, 2 * Math.PI);
      ctx.fill();
      ctx.strokeStyle = colours.page;
      ctx.lineWidth = 1.6;
      ctx.beginPath();
      ctx.moveTo(x - 2.7, y + 0.2);
      ctx.lineTo(x - 0.7, y + 2.2);
      ctx.lineTo(x + 2.9, y - 1.8);
      ctx.stroke();
    } else if (kind === "open") {
      ctx.arc(x, y, 4.4, 0, 2 * Math.PI);
      ctx.stroke();
    } else if (kind === "dropped") {
      ctx.moveTo(x - 5.5, y - 4);
      ctx.lineTo(x + 5.5, y - 4);
      ctx.lineTo(x, y + 5.5);
      ctx.fill();
    } else if (kind === "beyond") {
      for (const at of [x - 4, x + 1]) {
        ctx.moveTo(at, y - 5);
        ctx.lineTo(at + 4, y);
        ctx.lineTo(at, y + 5);
      }
      ctx.stroke();
    }
  }

  return { byId, element, bdi, facts, ways, placeOf, tip, theme, wrap, write, mark };
})();
