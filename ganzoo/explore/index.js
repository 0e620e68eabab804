"use strict";
(() => {
  // A training writes pictures and rows as it goes: the page is asked for again, and its main part replaced.
  const EVERY = 5000;
  setInterval(async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch("./");
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      document.getElementById("runs").replaceWith(page.getElementById("runs"));
    } catch {
      // The server has ended; what is shown stays.
    }
  }, EVERY);
})();
