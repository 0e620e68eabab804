"use strict";
(() => {
  const at = (id) => document.getElementById(id);
  const every = (selector, within = document) => [...within.querySelectorAll(selector)];
  const here = at("explore").dataset.here;
  const picture = at("picture"), message = at("message"), save = at("save");
  let given = false, found = false, asking = false, again = false;

  const say = (text, wrong = false) => {
    message.textContent = text;
    message.classList.toggle("wrong", wrong);
  };

  // The word of a command line that the fields and buttons of a chooser say.
  const wordOf = (chooser) => {
    const words = every(".word", chooser);
    const text = (word) => word.querySelector("input").value.trim();
    if (!words.length || !words[0].dataset.member) return words.length ? text(words[0]) : "";
    return words.map((word) => word.dataset.member + "=" + text(word)).join("; ");
  };
  const numberIn = (id, otherwise) => (at(id) && at(id).value !== "" ? Number(at(id).value) : otherwise);
  const stepsOf = (table) => {
    const moved = every(`input[data-table="${table}"]`).filter((slider) => Number(slider.value) !== 0);
    return Object.fromEntries(moved.map((slider) => [slider.dataset.number, Number(slider.value)]));
  };
  const wish = () => JSON.stringify({
    seed: numberIn("seed", 0), second: numberIn("second", 1), share: numberIn("share", 0),
    count: numberIn("count", 16), truncation: numberIn("truncation", 1),
    label: at("label") ? wordOf(at("label")) : "", given, found,
    controls: Object.fromEntries(every("[data-control]").map((one) => [one.dataset.control, wordOf(one)])),
    dimensions: stepsOf("dimensions"), directions: stepsOf("directions"),
  });
  const ask = async (what, body) => {
    const answer = await fetch(here + what, { method: "POST", body });
    if (!answer.ok) throw new Error(await answer.text());
    return answer;
  };
  const failed = (problem) => say(problem instanceof TypeError ? "ganzoo explore has ended" : problem.message, true);

  // One question at a time; what changes meanwhile is asked together.
  const draw = async () => {
    if (asking) {
      again = true;
      return;
    }
    asking = true;
    try {
      const blob = await (await ask("picture", wish())).blob();
      if (picture.src) URL.revokeObjectURL(picture.src);
      picture.src = save.href = URL.createObjectURL(blob);
      picture.hidden = save.hidden = false;
      say("");
    } catch (problem) {
      failed(problem);
    }
    asking = false;
    if (again) {
      again = false;
      draw();
    }
  };

  for (const slider of every('input[type="range"]')) {
    const shown = slider.closest("label").querySelector("output");
    slider.addEventListener("input", () => {
      shown.textContent = slider.value;
      draw();
    });
  }
  for (const id of ["seed", "second", "count"]) if (at(id)) at(id).addEventListener("input", draw);
  at("another").addEventListener("click", () => {
    at("seed").value = Math.floor(Math.random() * 10000);
    draw();
  });

  for (const word of every(".word")) {
    const text = word.querySelector("input"), buttons = every("button", word), separator = word.dataset.separator;
    const chosen = () => (separator ? text.value.split(separator) : [text.value]).map((part) => part.trim());
    const mark = () => {
      for (const button of buttons) button.setAttribute("aria-pressed", chosen().includes(button.value));
    };
    for (const button of buttons) {
      button.addEventListener("click", () => {
        const others = chosen().filter((part) => part && part !== button.value);
        const pressed = chosen().includes(button.value);
        text.value = separator ? (pressed ? others : [...others, button.value]).join(separator) : pressed ? "" : button.value;
        mark();
        draw();
      });
    }
    text.addEventListener("input", () => {
      mark();
      draw();
    });
    mark();
  }

  for (const button of every(".reset")) {
    button.addEventListener("click", () => {
      for (const slider of every(`input[data-table="${button.dataset.of}"]`)) {
        slider.value = 0;
        slider.closest("label").querySelector("output").textContent = "0";
      }
      draw();
    });
  }
  for (const button of every(".more")) {
    button.addEventListener("click", () => {
      const hidden = every(".slider[hidden]", button.closest("section"));
      for (const slider of hidden.slice(0, 16)) slider.hidden = false;
      button.hidden = hidden.length <= 16;
    });
  }

  const whenChosen = (id, answer) => {
    if (!at(id)) return;
    at(id).addEventListener("change", async () => {
      const file = at(id).files[0];
      if (!file) return;
      try {
        await answer(file);
        draw();
      } catch (problem) {
        failed(problem);
      }
    });
  };
  whenChosen("input", async (file) => {
    await ask("input", file);
    given = true;
  });
  whenChosen("image", async (file) => {
    say("Searching, which takes some seconds …");
    const asked = new TextEncoder().encode(wish());
    const answer = await ask("image", new Blob([String(asked.length).padStart(8, "0"), asked, file]));
    const { picture: pair, error } = await answer.json();
    at("pair").src = pair;
    at("error").textContent = error.toFixed(4);
    at("found").hidden = false;
    found = true;
  });
  if (at("random")) {
    at("random").addEventListener("click", () => {
      found = false;
      at("found").hidden = true;
      at("image").value = "";
      draw();
    });
  }
  draw();
})();
