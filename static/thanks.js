// The thank-you page asks how the gift stands, with growing waits, and turns to the truth without a reload.
(() => {
  "use strict";
  const page = document.getElementById("thanks");
  const started = Date.now();
  const isDone = () => ["failed", "expired"].includes(page.dataset.state)
    || (page.dataset.state === "settled" && page.dataset.receipt === "sent");

  function show(told) {
    page.dataset.state = told.state;
    page.dataset.receipt = told.receipt_state;
    page.querySelectorAll("[data-message]").forEach((place) => { place.textContent = told.message; });
    if (told.receipt) page.querySelector("[data-number]").textContent = told.receipt;
  }

  async function ask(wait) {
    try {
      const answer = await fetch(page.dataset.status, { headers: { Accept: "application/json" } });
      if (answer.ok) show(await answer.json());
    } catch {
      // Offline for a moment: the next question may be heard.
    }
    if (Date.now() - started > 20000 && page.dataset.state !== "settled") document.getElementById("patience").hidden = false;
    if (!isDone() && Date.now() - started < 600000) setTimeout(ask, wait, Math.min(wait * 1.4, 15000));
  }

  if (!isDone()) setTimeout(ask, 400, 700);
})();
