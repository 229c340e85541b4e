// The page of an import or a run that is being worked on: says how far it is, and shows the outcome when it is done.
"use strict";

(function () {
  const section = document.getElementById("progress");
  if (!section) return;
  const bar = section.querySelector("progress");
  const told = document.getElementById("told");
  let lastSaid = 0;

  async function look() {
    let state;
    try {
      const answer = await fetch(section.dataset.url, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(String(answer.status));
      state = await answer.json();
    } catch {
      setTimeout(look, 5000);
      return;
    }
    if (!state.is_busy) {
      location.reload();
      return;
    }
    if (state.done) {
      bar.max = state.total;
      bar.value = state.done;
      // Whoever listens hears it every five seconds, not at each step.
      if (Date.now() - lastSaid > 5000) {
        told.textContent = state.words || `${state.done.toLocaleString("en-US")} of ${state.total.toLocaleString("en-US")} rows`;
        lastSaid = Date.now();
      }
    }
    setTimeout(look, 1000);
  }

  setTimeout(look, 700);
})();
