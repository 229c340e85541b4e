// The thank-you page asks how the gift stands, with growing waits, and turns to the truth without a reload.
(() => {
  "use strict";
  const page = document.getElementById("thanks");
  const spoken = document.getElementById("spoken");
  const started = Date.now();
  // News of a first, declined card can come in after the second one was taken: a decline is believed after a minute.
  const isBelieved = () => Date.now() - started > 60000;
  const isEnded = () => page.dataset.state === "expired" || (page.dataset.state === "failed" && isBelieved());
  const isSettled = () => page.dataset.state === "settled";
  const isDone = () => isEnded() || (isSettled() && page.dataset.receipt === "sent");

  function show(told) {
    const news = told.state !== page.dataset.state || told.receipt_state !== page.dataset.receipt;
    page.dataset.state = told.state;
    page.dataset.receipt = told.receipt_state;
    for (const part of page.querySelectorAll("[data-when]")) part.hidden = !part.dataset.when.split(" ").includes(told.state);
    for (const part of page.querySelectorAll("[data-when-receipt]")) part.hidden = !part.dataset.whenReceipt.split(" ").includes(told.receipt_state);
    for (const place of page.querySelectorAll("[data-message]")) place.textContent = told.message;
    page.querySelector("[data-number]").textContent = told.receipt || "";
    if (!news) return;
    const receipt = isSettled() && told.receipt_state === "sent" ? ` Receipt ${told.receipt} is on its way.` : "";
    spoken.textContent = told.message + receipt;
  }

  async function ask(wait) {
    try {
      const answer = await fetch(page.dataset.status, { headers: { Accept: "application/json" } });
      if (answer.ok) show(await answer.json());
    } catch {
      // Offline for a moment: the next question may be heard.
    }
    const waited = Date.now() - started;
    if (waited > 20000 && !isSettled() && !isEnded()) document.getElementById("patience").hidden = false;
    if (!isDone() && waited < 600000) setTimeout(ask, wait, Math.min(wait * 1.4, 15000));
  }

  // A page that the browser kept may be of yesterday: it always asks once.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted && !isDone()) ask(700);
  });
  if (!isDone()) setTimeout(ask, 400, 700);
})();
