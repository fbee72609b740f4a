// Draws the charts of the page with uPlot: hover, zoom, keyboard, legend.
"use strict";
(() => {
  const HEIGHT = 260;
  const NARROW = 480; // pixels; below, there are fewer tick labels
  const charts = [];

  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const colour = (index) => (index < 0 ? css("--muted") : css(`--line-${index % 8}`));
  const short = (value) =>
    value === null || value === undefined ? "–" : String(Number(value.toPrecision(4)));

  // A number that fits beside an axis.
  function label(tick) {
    const size = Math.abs(tick);
    return size >= 1e6 || (size && size < 1e-4) ? tick.toExponential() : short(tick);
  }

  // A line with a band becomes three series: the line itself and the two limits of the band.
  function toSeries(lines) {
    const tables = [];
    const series = [{}];
    const bands = [];
    for (const line of lines) {
      tables.push([line.x, line.y, ...line.band]);
      series.push({ ...style(line), label: line.label, isLine: true, faint: line.style === "faint" });
      if (line.band.length) {
        const low = series.length;
        series.push({ ...hidden, label: "" }, { ...hidden, label: "" });
        bands.push({ series: [low + 1, low], fill: () => colour(line.colour) + "33" });
      }
    }
    return { data: uPlot.join(tables), series, bands };
  }

  const hidden = { width: 0, points: { show: false } };

  function style(line) {
    const few = line.style === "line" && line.x.length <= 40;
    return {
      stroke: () => colour(line.colour) + (line.style === "faint" ? "66" : ""),
      width: line.style === "line" ? 2 : 1,
      dash: line.style === "dotted" ? [5, 4] : undefined,
      points: { show: few, size: 5, fill: () => colour(line.colour) },
    };
  }

  // Leaves the powers of ten of the lines behind a logarithmic chart.
  const decade = (tick) => (Number.isInteger(Math.round(Math.log10(tick) * 1e6) / 1e6) ? tick : null);

  // Values of a logarithmic axis must be above zero; the library fails for some that are too small.
  const LEAST = 1e-18;
  function positive(data) {
    return data.map((values, index) =>
      index ? values.map((value) => (value !== undefined && value < LEAST ? null : value)) : values);
  }

  function options(chart, parts, width) {
    const axis = {
      stroke: () => css("--muted"),
      grid: { stroke: () => css("--grid"), width: 1 },
      ticks: { show: false },
      font: "12px system-ui, sans-serif",
    };
    const narrow = width < NARROW;
    return {
      width,
      height: HEIGHT,
      series: parts.series,
      bands: parts.bands,
      legend: { show: false },
      cursor: {
        y: false,
        drag: { x: true, y: false, dist: 5 },
        focus: { prox: 24 },
        points: { size: 8, width: 2 },
        sync: { key: "epoch", setSeries: false, match: [(a, b) => a === b, () => false] },
      },
      focus: { alpha: 0.45 },
      scales: {
        x: { time: false },
        y: chart.log ? { distr: 3 } : chart.limits.length ? { range: () => chart.limits } : {},
      },
      axes: [
        { ...axis, space: narrow ? 60 : 50, size: 26, label: chart.x_label, labelSize: 16, labelGap: 2,
          labelFont: axis.font },
        { ...axis, size: 56, space: 34,
          grid: { ...axis.grid, filter: (u, ticks) => (chart.log ? ticks.map(decade) : ticks) },
          values: (u, ticks) => ticks.map((tick) => (tick === null ? "" : label(tick))) },
      ],
    };
  }

  function build(box) {
    const place = box.querySelector(".chart");
    const chart = JSON.parse(box.querySelector("script[data-kind=chart]").textContent);
    const parts = toSeries(chart.lines);
    const data = chart.log ? positive(parts.data) : parts.data;
    const plot = new uPlot(options(chart, parts, place.clientWidth), data, place);
    plot.root.setAttribute("aria-hidden", "true");
    const full = () => [data[0][0], data[0][data[0].length - 1]];
    const legend = addLegend(box, plot, chart);
    const zoom = zooming(plot, full);
    addButtons(box, zoom);
    addKeys(place, plot, zoom, legend);
    plot.hooks.setCursor = [legend.update];
    plot.hooks.setScale = [() => box.classList.toggle("zoomed", zoom.isZoomed())];
    new ResizeObserver(() => {
      if (place.clientWidth && place.clientWidth !== plot.width) {
        plot.setSize({ width: place.clientWidth, height: HEIGHT });
      }
    }).observe(place);
    charts.push(plot);
  }

  function zooming(plot, full) {
    const range = () => [plot.scales.x.min, plot.scales.x.max];
    // A chart of a single point has nothing to zoom into.
    const set = (min, max) => { if (min < max) plot.setScale("x", { min, max }); };
    return {
      by(factor) {
        const [min, max] = range();
        const { idx } = plot.cursor;
        const middle = idx === null || idx === undefined ? (min + max) / 2 : plot.data[0][idx];
        const [first, last] = full();
        set(Math.max(first, middle - (middle - min) * factor),
          Math.min(last, middle + (max - middle) * factor));
      },
      reset: () => set(...full()),
      isZoomed() {
        const [min, max] = range();
        const [first, last] = full();
        return min > first || max < last;
      },
      // Moves the visible part, where the marker would leave it.
      show(x) {
        const [min, max] = range();
        if (x < min) set(x, x + max - min);
        if (x > max) set(x - max + min, x);
      },
    };
  }

  function addLegend(box, plot, chart) {
    const legend = document.createElement("div");
    legend.className = "legend";
    const position = document.createElement("span");
    position.className = "position";
    const entries = [];
    plot.series.forEach((series, index) => {
      if (!series.isLine || series.faint) return;
      const button = document.createElement("button");
      button.type = "button";
      button.setAttribute("aria-pressed", "true");
      button.title = "Show or hide this line";
      const line = chart.lines.find((found) => found.label === series.label);
      button.innerHTML = '<i></i><span class="name"></span><b></b>';
      button.querySelector("i").style.setProperty("--own", line.colour < 0 ? "var(--muted)" : `var(--line-${line.colour % 8})`);
      button.querySelector("i").className = line.style;
      button.querySelector(".name").textContent = series.label;
      button.addEventListener("click", () => {
        const show = !plot.series[index].show;
        const own = plot.series.map((other, i) => i).filter((i) => i === index || isPart(plot, index, i));
        own.forEach((i) => plot.setSeries(i, { show }));
        button.setAttribute("aria-pressed", String(show));
      });
      legend.append(button);
      entries.push([index, button.querySelector("b")]);
    });
    legend.append(position);
    box.querySelector(".chart").after(legend);
    return {
      update() {
        const { idx } = plot.cursor;
        const none = idx === null || idx === undefined;
        position.textContent = none ? "" : `${chart.x_label} ${short(plot.data[0][idx])}`;
        for (const [index, value] of entries) {
          value.textContent = none ? "" : short(near(plot.data[index], idx));
        }
      },
      say: () => legendText(position, entries, plot),
    };
  }

  // The limits of a line's band follow it directly, as does every faint line with its first words.
  function isPart(plot, index, other) {
    const series = plot.series[other];
    if (other > index && other <= index + 2 && series.label === "" && !series.isLine) return true;
    return series.faint && series.label.startsWith(plot.series[index].label.split(": ")[0] + ":");
  }

  // Lines of other positions have no value here: the one before is meant.
  function near(values, idx) {
    let i = idx;
    while (i >= 0 && values[i] === undefined) i -= 1;
    return i < 0 ? null : values[i];
  }

  function legendText(position, entries, plot) {
    const values = entries.map(([index, value]) => `${plot.series[index].label} ${value.textContent}`);
    return `${position.textContent}: ${values.join(", ")}`;
  }

  function addButtons(box, zoom) {
    const bar = document.createElement("div");
    bar.className = "zoom";
    const title = box.querySelector("h3").textContent;
    const actions = [["Reset", "Reset the zoom", zoom.reset], ["+", "Zoom in", () => zoom.by(0.5)],
      ["−", "Zoom out", () => zoom.by(2)]];
    for (const [label, name, act] of actions) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = label;
      button.setAttribute("aria-label", `${name}: ${title}`);
      if (label === "Reset") button.className = "reset";
      button.addEventListener("click", act);
      bar.append(button);
    }
    box.querySelector(".chart-head").append(bar);
  }

  function addKeys(place, plot, zoom, legend) {
    const live = document.getElementById("live");
    const move = (idx) => {
      const xs = plot.data[0];
      const index = Math.min(xs.length - 1, Math.max(0, idx));
      zoom.show(xs[index]);
      plot.setCursor({ left: plot.valToPos(xs[index], "x"), top: 10 });
      legend.update();
      live.textContent = legend.say();
    };
    const current = () => plot.cursor.idx ?? plot.data[0].length - 1;
    const actions = {
      ArrowLeft: () => move(current() - 1), ArrowRight: () => move(current() + 1),
      PageUp: () => move(current() - 10), PageDown: () => move(current() + 10),
      Home: () => move(0), End: () => move(plot.data[0].length - 1),
      "+": () => zoom.by(0.5), "=": () => zoom.by(0.5), "-": () => zoom.by(2),
      0: zoom.reset, Escape: zoom.reset,
    };
    place.addEventListener("keydown", (event) => {
      const act = actions[event.key];
      if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      act();
    });
  }

  document.querySelectorAll(".chart-box").forEach(build);
  document.addEventListener("themechange", () => charts.forEach((plot) => plot.redraw(true, true)));
})();
