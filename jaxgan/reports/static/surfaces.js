// Draws generated and real points over D's decision surface, at the checkpoint of the slider.
"use strict";
(() => {
  const SIZE = 720; // pixels of the canvas

  const bytes = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const points = (text) => new Uint16Array(bytes(text).buffer);
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function rgb(hex) {
    return [1, 3, 5].map((start) => parseInt(hex.slice(start, start + 2), 16));
  }

  function draw(canvas, data, frame) {
    const context = canvas.getContext("2d");
    context.fillStyle = css("--panel");
    context.fillRect(0, 0, SIZE, SIZE);
    if (frame.surface) drawSurface(context, bytes(frame.surface), data.cells);
    drawPoints(context, points(data.real), css("--muted"), 2.2, 0.5);
    drawPoints(context, points(frame.fake), css("--text"), 2, 0.9);
  }

  // The percentages say how sure D is that a point at each place is real.
  function drawSurface(context, percentages, cells) {
    const small = document.createElement("canvas");
    small.width = small.height = cells;
    const image = new ImageData(cells, cells);
    const [real, fake, middle] = ["--as-real", "--as-fake", "--panel"].map((name) => rgb(css(name)));
    percentages.forEach((percentage, index) => {
      const part = (0.8 * Math.abs(percentage - 50)) / 50;
      const end = percentage > 50 ? real : fake;
      for (let i = 0; i < 3; i += 1) {
        image.data[4 * index + i] = middle[i] + (end[i] - middle[i]) * part;
      }
      image.data[4 * index + 3] = 255;
    });
    small.getContext("2d").putImageData(image, 0, 0);
    context.imageSmoothingEnabled = true;
    context.drawImage(small, 0, 0, SIZE, SIZE);
  }

  function drawPoints(context, coordinates, colour, radius, alpha) {
    context.fillStyle = colour;
    context.globalAlpha = alpha;
    for (let i = 0; i < coordinates.length; i += 2) {
      const x = (coordinates[i] / 65535) * SIZE;
      const y = (1 - coordinates[i + 1] / 65535) * SIZE;
      context.beginPath();
      context.arc(x, y, radius, 0, 2 * Math.PI);
      context.fill();
    }
    context.globalAlpha = 1;
  }

  function caption(data, frame, at) {
    const where = `step ${frame.step.toLocaleString("en")}, ${frame.images.toLocaleString("en")} real points seen`;
    if (!at || !frame.surface) return where;
    const [left, bottom, side] = data.square;
    const cell = at.map((part) => Math.min(data.cells - 1, Math.max(0, Math.floor(part * data.cells))));
    const percentage = bytes(frame.surface)[cell[1] * data.cells + cell[0]];
    const place = [left + at[0] * side, bottom + (1 - at[1]) * side].map((value) => value.toFixed(2));
    return `${where}; at (${place.join(", ")}) D is ${percentage} % sure of a real point`;
  }

  document.querySelectorAll(".surface").forEach((figure) => {
    const canvas = figure.querySelector("canvas");
    const text = figure.querySelector(".caption");
    const slider = figure.querySelector("input[type=range]");
    const data = JSON.parse(figure.parentElement.querySelector("script[data-kind=surface]").textContent);
    const current = () => data.frames[slider ? Number(slider.value) : 0];
    canvas.width = canvas.height = SIZE;
    const show = () => {
      draw(canvas, data, current());
      text.textContent = caption(data, current());
      if (slider) slider.setAttribute("aria-valuetext", text.textContent);
    };
    canvas.addEventListener("mousemove", (event) => {
      const box = canvas.getBoundingClientRect();
      const at = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
      text.textContent = caption(data, current(), at);
    });
    canvas.addEventListener("mouseleave", () => { text.textContent = caption(data, current()); });
    if (slider) slide(figure, data.frames.length, show);
    document.addEventListener("themechange", show);
    show();
  });
})();
