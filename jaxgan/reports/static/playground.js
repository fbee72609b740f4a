// Wires the controls of each playground of the page to its generator; see playground.py.

const STEP = 0.1; // of the pad, for one press of an arrow key; with Shift ten times as much
const ALL = "all"; // the choice of every class in turn, which only points have
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

// Two independent numbers from the standard normal distribution in each call (Box and Muller 1958).
function normalPair() {
  const radius = Math.sqrt(-2 * Math.log(1 - Math.random())), angle = 2 * Math.PI * Math.random();
  return [radius * Math.cos(angle), radius * Math.sin(angle)];
}

function drawNormal(length) {
  const numbers = new Float32Array(length);
  for (let i = 0; i < length; i += 2) numbers.set(normalPair().slice(0, length - i), i);
  return numbers;
}

// Draws each number beyond the threshold again, until it is within; `redraws` keeps what was drawn
// for each index, so that the same threshold gives the same numbers. At the maximum none is.
function truncate(latents, redraws, threshold, maximum) {
  if (threshold >= maximum) return latents.slice();
  return latents.map((value, index) => {
    if (Math.abs(value) <= threshold) return value;
    if (!redraws.has(index)) redraws.set(index, []);
    const drawn = redraws.get(index), isWithin = (other) => Math.abs(other) <= threshold;
    while (!drawn.some(isWithin)) drawn.push(...normalPair());
    return drawn.find(isWithin);
  });
}

// Draws one image of pixels (height, width, channels) on a canvas of its size.
function drawImage(canvas, [height, width, channels], pixels) {
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d"), image = context.createImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    const from = pixels.subarray(i * channels, (i + 1) * channels);
    // One channel is grey, two are red and green, and of more than four the first three are shown.
    const [red, green, blue] = channels === 1 ? [from[0], from[0], from[0]] : [from[0], from[1], from[2] || 0];
    image.data.set([red, green, blue, channels === 4 ? from[3] : 255], 4 * i);
  }
  context.putImageData(image, 0, 0);
}

// Returns the centre and half the side of a square around points, with a margin.
function squareAround(points) {
  const low = [Infinity, Infinity], high = [-Infinity, -Infinity];
  for (let i = 0; i < points.length; i++) {
    low[i % 2] = Math.min(low[i % 2], points[i]);
    high[i % 2] = Math.max(high[i % 2], points[i]);
  }
  const half = 0.75 * Math.max(high[0] - low[0], high[1] - low[1]);
  return { middle: [(low[0] + high[0]) / 2, (low[1] + high[1]) / 2], half };
}

// Draws sets of points, each as squares of one colour, the first set behind the others.
function drawPoints(canvas, { middle, half }, sets) {
  const context = canvas.getContext("2d"), side = canvas.width;
  context.clearRect(0, 0, side, side);
  for (const { points, colour, radius } of sets) {
    context.fillStyle = colour;
    for (let i = 0; i < points.length; i += 2) {
      const x = ((points[i] - middle[0]) / half + 1) * side / 2;
      const y = (1 - (points[i + 1] - middle[1]) / half) * side / 2;
      context.fillRect(x - radius, y - radius, 2 * radius, 2 * radius);
    }
  }
}

class Playground {
  constructor(root, generator) {
    this.root = root;
    this.generator = generator;
    this.points = generator.shape.length === 1;
    this.all = [...root.querySelectorAll("[name]")];
    this.controls = Object.fromEntries(this.all.map((control) => [control.name, control]));
    this.pad = root.querySelector(".playground-pad");
    this.canvas = root.querySelector("canvas");
    this.status = root.querySelector(".playground-status");
    this.at = [0, 0];
    this.choose(0);
    this.listen();
    if (!this.points) this.drawSamples();
  }

  // Takes the latents, and the label, of one of the run's own samples; for points, of all of them.
  choose(index) {
    const { latent_size: size, labels, extra } = this.generator;
    this.base = this.points ? extra.latents.data : extra.latents.data.slice(index * size, (index + 1) * size);
    if (this.controls.label) this.controls.label.value = this.points ? ALL : labels[index];
    this.origin = this.points ? "the run's own samples" : `sample ${index + 1} of the run`;
    this.redraws = new Map();
    this.update();
  }

  listen() {
    this.controls.seed.addEventListener("click", () => {
      this.base = drawNormal(this.base.length);
      this.origin = "a new seed";
      this.redraws = new Map();
      this.update();
    });
    this.controls.start.addEventListener("click", () => {
      this.at = [0, 0];
      for (const control of this.all) {
        if (control.options) control.value = [...control.options].find((x) => x.defaultSelected).value;
        else control.value = control.defaultValue;
      }
      this.choose(0);
    });
    this.root.addEventListener("input", () => this.update());
    // A canvas keeps its colours when the page gets those of the other theme.
    document.addEventListener("themechange", () => this.update());
    this.pad.addEventListener("keydown", (event) => this.pressKey(event));
    this.pad.addEventListener("pointerdown", (event) => {
      this.pad.setPointerCapture(event.pointerId);
      this.follow(event);
    });
    this.pad.addEventListener("pointermove", (event) => {
      if (event.buttons) this.follow(event);
    });
  }

  pressKey(event) {
    if (event.key === "Home") this.moveTo([0, 0]);
    else if (event.key in ARROWS) {
      const step = event.shiftKey ? 10 * STEP : STEP;
      this.moveTo(this.at.map((value, axis) => value + step * ARROWS[event.key][axis]));
    } else return;
    event.preventDefault();
  }

  follow(event) {
    const box = this.pad.getBoundingClientRect(), { reach } = this.generator;
    const right = (event.clientX - box.left) / box.width, down = (event.clientY - box.top) / box.height;
    this.moveTo([(2 * right - 1) * reach, (1 - 2 * down) * reach]);
  }

  moveTo(position) {
    const { reach } = this.generator;
    this.at = position.map((x) => Math.round(100 * Math.min(reach, Math.max(-reach, x))) / 100);
    this.update();
  }

  // Shows the controls' values, and asks for one image before the browser paints again.
  update() {
    const { reach, names } = this.generator, { x, y } = this.controls;
    this.pad.style.setProperty("--right", `${50 + 50 * this.at[0] / reach}%`);
    this.pad.style.setProperty("--up", `${50 + 50 * this.at[1] / reach}%`);
    const place = `${names[x.value]} at ${this.at[0]}, ${names[y.value]} at ${this.at[1]}`;
    this.pad.setAttribute("aria-valuenow", this.at[0]);
    this.pad.setAttribute("aria-valuetext", place);
    for (const range of this.sliders()) {
      const off = range.name === "truncation" && range.valueAsNumber >= Number(range.max);
      range.previousElementSibling.textContent = off ? "off" : range.value;
      range.setAttribute("aria-valuetext", range.previousElementSibling.textContent);
    }
    const { label } = this.controls;
    const what = label ? ` of class ${label.selectedOptions[0].textContent}` : "";
    const kind = this.points ? "Generated points" : "Generated image";
    this.canvas.setAttribute("aria-label", `${kind}${what}, from ${this.origin}; ${place}`);
    this.requested ||= requestAnimationFrame(() => {
      this.requested = 0;
      this.draw();
    });
  }

  sliders() {
    return this.all.filter((control) => control.type === "range");
  }

  // Truncated latents plus the part along each direction.
  latents() {
    const { latent_size: size, extra } = this.generator;
    const { x, y, truncation } = this.controls;
    const parts = [[x.value, this.at[0]], [y.value, this.at[1]]];
    for (const range of this.sliders()) {
      if (range.dataset.direction) parts.push([range.dataset.direction, range.valueAsNumber]);
    }
    const z = truncate(this.base, this.redraws, truncation.valueAsNumber, Number(truncation.max));
    for (const [direction, amount] of parts) {
      for (let i = 0; i < z.length; i++) z[i] += amount * extra.directions.data[direction * size + (i % size)];
    }
    return z;
  }

  draw() {
    const z = this.latents(), count = z.length / this.generator.latent_size;
    const { label } = this.controls, start = performance.now();
    const isOne = label && label.value !== ALL;
    const labels = isOne ? Array(count).fill(Number(label.value)) : this.generator.labels;
    const { shape, data } = generate(this.generator, z, labels);
    const milliseconds = (performance.now() - start).toFixed(1);
    // Where tests, and readers in the browser's console, find the numbers.
    this.root.generated = data;
    if (this.points) {
      this.drawScatter(data);
      this.root.setAttribute("aria-busy", "false");
    } else drawImage(this.canvas, shape, toPixels(data));
    const what = this.points ? `${count} points` : "this image";
    this.status.textContent = `${milliseconds} ms for ${what}`;
  }

  drawScatter(points) {
    const { data: real } = this.generator.extra.real;
    this.square ||= squareAround(real.length ? real : points);
    const style = getComputedStyle(this.canvas);
    const colour = (name, other) => style.getPropertyValue(name) || other;
    drawPoints(this.canvas, this.square, [
      { points: real, colour: colour("--muted", "#888888"), radius: 4 },
      { points, colour: colour("--accent", "#1f5fa8"), radius: 1.5 },
    ]);
  }

  // One image in each frame, so that the page stays responsive.
  drawSamples() {
    const buttons = [...this.root.querySelectorAll(".playground-samples button")];
    const { latent_size: size, labels, extra } = this.generator;
    buttons.forEach((button, index) => button.addEventListener("click", () => this.choose(index)));
    const next = (index) => {
      if (index === buttons.length) {
        this.root.setAttribute("aria-busy", "false");
        return;
      }
      const z = extra.latents.data.subarray(index * size, (index + 1) * size);
      const { shape, data } = generate(this.generator, z, [labels[index]]);
      drawImage(buttons[index].querySelector("canvas"), shape, toPixels(data));
      requestAnimationFrame(() => next(index + 1));
    };
    requestAnimationFrame(() => next(0));
  }
}

async function start(root) {
  const description = JSON.parse(root.querySelector("script[data-kind=generator]").textContent);
  if (!window.DecompressionStream) {
    root.querySelector(".playground-status").textContent = "This browser is too old to unpack the weights.";
    return;
  }
  new Playground(root, await readGenerator(description));
}

// A playground begins when it comes near the window, since to read its weights takes a moment.
const inView = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    inView.unobserve(target);
    start(target);
  }
}, { rootMargin: "200px" });
document.querySelectorAll(".playground").forEach((root) => inView.observe(root));
