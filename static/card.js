// A gift that runs already: another card for it is saved, or its bank asks the supporter. What became of it the next page
// asks Stripe; nothing is believed here. No digit comes by here: the field is Stripe's own.
(() => {
  "use strict";
  const byId = (id) => document.getElementById(id);
  const form = byId("card-form");
  const { key, does } = form.dataset;
  const label = byId("submit").textContent;
  const BROKEN = "We could not reach our server. Nothing has changed; please check the connection and press the button again.";
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  let stripe = null;
  let elements = null;
  let field = null;
  let busy = false;

  function look() {
    const style = getComputedStyle(document.documentElement);
    const color = (name) => style.getPropertyValue(name).trim();
    return {
      theme: dark.matches ? "night" : "stripe",
      variables: {
        colorPrimary: color("--accent"), colorBackground: color("--paper"), colorText: color("--ink"),
        colorDanger: color("--wrong"), borderRadius: "4px", fontSizeBase: "16px",
      },
    };
  }

  function begin() {
    try {
      stripe = window.Stripe(key);
      if (does === "save") mount();
    } catch {
      unavailable();
    }
  }

  function mount() {
    elements = stripe.elements({
      mode: "setup", currency: "usd", setupFutureUsage: "off_session", allowedPaymentMethodTypes: ["card"], appearance: look(),
    });
    field = elements.create("payment", { layout: "tabs" });
    field.on("ready", () => byId("payment-waiting")?.remove());
    field.on("loaderror", unavailable);
    field.mount("#payment");
    dark.addEventListener("change", () => elements.update({ appearance: look() }));
  }

  function unavailable() {
    form.hidden = true;
    byId("no-card").hidden = false;
  }

  function trouble(text) {
    const box = byId("trouble");
    const said = document.createElement("p");
    said.textContent = text;
    box.replaceChildren(said);
    box.hidden = false;
    box.focus({ preventScroll: true });
    box.scrollIntoView({ block: "center" });
  }

  function wait(on) {
    busy = on;
    byId("submit").setAttribute("aria-busy", String(on));
    byId("submit").textContent = on ? "One moment…" : label;
    byId("spoken").textContent = on ? "One moment, please." : "";
  }

  async function open() {
    try {
      const answer = await fetch(form.getAttribute("action"), { method: "POST", body: new FormData(form), headers: { Accept: "application/json" } });
      return await answer.json();
    } catch {
      return { error: BROKEN };
    }
  }

  /** The address to go on to; null when something is wrong, and the page says what. */
  async function save() {
    const checked = await elements.submit();
    if (checked.error) {
      field.focus();
      return refused(checked.error);
    }
    const opened = await open();
    if (opened.error) return refused({ message: opened.error });
    const address = new URL(opened.next, location.href);
    const options = { elements, clientSecret: opened.client_secret, confirmParams: { return_url: address.href }, redirect: "if_required" };
    const done = await stripe.confirmSetup(options).catch(() => ({ error: { type: "api_connection_error" } }));
    if (done.error) return refused(done.error);
    address.searchParams.set("setup_intent", done.setupIntent.id);
    return address.href;
  }

  async function confirm() {
    const opened = await open();
    if (opened.error) return refused({ message: opened.error });
    if (opened.redirect) return opened.redirect;
    const card = { payment_method: opened.payment_method };
    const done = await stripe.confirmCardPayment(opened.client_secret, card).catch(() => ({ error: { type: "api_connection_error" } }));
    // Without an answer nobody knows yet whether it was charged: the next page finds out and says so.
    return !done.error || done.error.type === "api_connection_error" ? opened.next : refused(done.error);
  }

  function refused(error) {
    const text = error.message || "That did not work. Nothing has changed; please try again.";
    trouble(error.type === "card_error" && does === "save" ? `${text} Nothing was changed. Please try again, or another card.` : text);
    return null;
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (busy || !stripe) return;
    byId("trouble").hidden = true;
    wait(true);
    let next = null;
    try {
      next = does === "save" ? await save() : await confirm();
    } catch {
      trouble(BROKEN);
    }
    if (next) location.assign(next);
    else wait(false);
  });

  window.addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });

  form.hidden = false;
  if (window.Stripe) begin();
  else {
    byId("stripe").addEventListener("load", begin);
    byId("stripe").addEventListener("error", unavailable);
  }
})();
