"use strict";
(() => {
  const controls = document.getElementById("controls");
  if (!controls) return;
  const steps = controls.dataset.steps.split(" ").map(Number);
  const slider = document.getElementById("slider"), play = document.getElementById("play");
  const step = document.getElementById("step");
  let timer = 0;

  // Each run shows its newest picture that is not later than the step, or else its first one.
  const show = () => {
    const now = steps[Number(slider.value)];
    step.textContent = "step " + now.toLocaleString("en-US");
    for (const timeline of document.querySelectorAll(".timeline")) {
      const images = [...timeline.querySelectorAll("img")];
      const shown = images.filter((image) => Number(image.dataset.step) <= now).pop() || images[0];
      for (const image of images) image.hidden = image !== shown;
      timeline.querySelector(".at").textContent = Number(shown.dataset.step).toLocaleString("en-US");
    }
  };
  const stop = () => {
    clearInterval(timer);
    timer = 0;
    play.textContent = "Play";
  };
  play.addEventListener("click", () => {
    if (timer) return stop();
    if (slider.value === slider.max) slider.value = 0;
    show();
    play.textContent = "Pause";
    timer = setInterval(() => {
      slider.value = Number(slider.value) + 1;
      show();
      if (slider.value === slider.max) stop();
    }, 400);
  });
  slider.addEventListener("input", () => { stop(); show(); });
  controls.hidden = steps.length < 2;
  show();
})();
