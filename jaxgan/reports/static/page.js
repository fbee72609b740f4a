// The page's theme, and pictures behind a slider.
"use strict";
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let choice = "auto";
  const applyTheme = () => {
    const system = dark.matches ? "dark" : "light";
    root.dataset.theme = choice === "auto" ? system : choice;
    document.dispatchEvent(new Event("themechange"));
  };
  document.querySelectorAll("input[name=theme]").forEach((input) => {
    input.addEventListener("change", () => { choice = input.value; applyTheme(); });
  });
  dark.addEventListener("change", applyTheme);

  document.querySelectorAll(".frames:not(.surface)").forEach((figure) => {
    const images = [...figure.querySelectorAll("img")];
    const caption = figure.querySelector(".caption");
    if (images.length < 2) return;
    slide(figure, images.length, (shown, slider) => {
      images.forEach((image, index) => { image.hidden = index !== shown; });
      caption.textContent = images[shown].dataset.caption;
      slider.setAttribute("aria-valuetext", caption.textContent);
    });
  });
})();

// Lets the slider of a figure call `show(index, slider)`, and its button play through all.
function slide(figure, count, show) {
  const SECONDS = 6; // for a whole run
  const slider = figure.querySelector("input[type=range]");
  const button = figure.querySelector(".play");
  let timer = 0;
  const go = (index) => {
    slider.value = index;
    show(index, slider);
  };
  const stop = () => {
    clearInterval(timer);
    timer = 0;
    button.textContent = "Play";
  };
  const step = () => {
    go(Number(slider.value) + 1);
    if (Number(slider.value) === count - 1) stop();
  };
  slider.addEventListener("input", () => { stop(); show(Number(slider.value), slider); });
  button.addEventListener("click", () => {
    if (timer) { stop(); return; }
    if (Number(slider.value) === count - 1) go(0);
    button.textContent = "Pause";
    timer = setInterval(step, Math.max(60, (1000 * SECONDS) / count));
  });
}
