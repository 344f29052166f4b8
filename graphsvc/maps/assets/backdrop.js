"use strict";
/* An image of what is slow to paint and seldom changes: the ribbons, the labels. It is painted once, and from then on
   moved and faded as a whole, so that panning and pointing cost one image. While the reader zooms, the image is
   stretched; it is painted sharp again when the zoom rests. */
const backdrop = (() => {
  const MOST_PIXELS = 12e6; // of an image of the whole map; above, it holds the view and half a view around it
  const MOST_SIDE = 12_000;
  const REST = 120; // milliseconds

  /** `painted(ctx, box)` paints a part of the map; `redraw` asks for the next frame. */
  function create(painted, redraw) {
    const image = document.createElement("canvas");
    let box = null; // what part of the map the image holds, and how sharp
    let timer = 0;

    function render(view, whole) {
      const density = view.scale * devicePixelRatio;
      const pixels = (part) => [(part.right - part.left) * density, (part.bottom - part.top) * density];
      const [across, down] = pixels(whole);
      box = { ...whole, scale: view.scale };
      if (across * down > MOST_PIXELS || Math.max(across, down) > MOST_SIDE) {
        const [aside, below] = [(view.right - view.left) / 2, (view.bottom - view.top) / 2];
        box.left = view.left - aside;
        box.right = view.right + aside;
        box.top = view.top - below;
        box.bottom = view.bottom + below;
      }
      [image.width, image.height] = pixels(box).map(Math.ceil);
      const ctx = image.getContext("2d");
      ctx.scale(density, density);
      ctx.translate(-box.left, -box.top);
      painted(ctx, box);
    }

    const holds = (part) =>
      box.left <= part.left && box.right >= part.right && box.top <= part.top && box.bottom >= part.bottom;

    /** Put what is seen of the map on the canvas. `whole` is all that could be seen. */
    function draw(ctx, view, whole, opacity) {
      const seen = {
        left: Math.max(view.left, whole.left),
        right: Math.min(view.right, whole.right),
        top: Math.max(view.top, whole.top),
        bottom: Math.min(view.bottom, whole.bottom),
      };
      if (seen.left >= seen.right || seen.top >= seen.bottom) return;
      if (!box || (view.scale === box.scale && !holds(seen))) {
        render(view, whole);
      } else if (view.scale !== box.scale) {
        clearTimeout(timer);
        timer = setTimeout(stale, REST);
      }
      const { a, d, e, f } = ctx.getTransform();
      const stretch = view.scale / box.scale;
      ctx.save();
      ctx.globalAlpha = opacity;
      ctx.setTransform(1, 0, 0, 1, Math.round(a * box.left + e), Math.round(d * box.top + f)); // on whole pixels: sharp
      ctx.drawImage(image, 0, 0, image.width * stretch, image.height * stretch);
      ctx.restore();
    }

    /** Paint it anew: something has changed. */
    function stale() {
      box = null;
      redraw();
    }

    return { draw, stale };
  }

  return { create };
})();
