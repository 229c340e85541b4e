// Stripe's card field where no amount is chosen any more. What the page is for stands in `data-does` of its form:
//   pay      a payment link: the supporter's own browser pays
//   token    the call-taker's page: the card becomes a token that our server charges
//   save     another card for a gift that runs; nothing is charged by this page
//   told     the same on the call-taker's page: the card becomes a token that our server saves
//   confirm  the bank asks the supporter about a charge on a saved card; there is no field to type in
// What became of it the next page asks Stripe; nothing is believed here, and no digit of a card comes by.
(() => {
  "use strict";
  const byId = (id) => document.getElementById(id);
  const form = byId("card-form");
  const { key, currency, kind, repeats, does } = form.dataset;
  const label = byId("submit").textContent;
  const SAVES = does === "save" || does === "told";
  const BY_STAFF = does === "token" || does === "told";
  const CHARGED = SAVES ? "changed" : "charged";
  const BROKEN = `We could not reach our server, so nothing was ${CHARGED}. Please check the connection and press the button again.`;
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
      if (does !== "confirm") mount();
    } catch {
      unavailable();
    }
  }

  function mount() {
    elements = stripe.elements({ ...asked(), appearance: look() });
    // A wallet would be the call-taker's own.
    const wallets = BY_STAFF ? { wallets: { applePay: "never", googlePay: "never", link: "never" } } : {};
    field = elements.create("payment", { layout: "tabs", ...wallets });
    field.on("ready", () => byId("payment-waiting")?.remove());
    field.on("loaderror", unavailable);
    field.mount("#payment");
    dark.addEventListener("change", () => elements.update({ appearance: look() }));
  }

  /** What the server asks of Stripe for the same thing; the two must agree. */
  function asked() {
    if (SAVES) return { mode: "setup", currency: "usd", setupFutureUsage: "off_session", allowedPaymentMethodTypes: ["card"] };
    const allowedPaymentMethodTypes = repeats || kind === "phone" ? ["card"] : ["card", "link"];
    const payment = { mode: "payment", amount: Number(form.dataset.amount), currency, allowedPaymentMethodTypes };
    if (repeats) payment.setupFutureUsage = "off_session";
    return payment;
  }

  /** Without a card field nothing may look as if it could be paid. */
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

  async function send(extra) {
    const body = new FormData(form);
    for (const [name, value] of Object.entries(extra)) body.set(name, value);
    try {
      const answer = await fetch(form.getAttribute("action"), { method: "POST", body, headers: { Accept: "application/json" } });
      return await answer.json();
    } catch {
      return { error: BROKEN, isLost: true };
    }
  }

  /** The address to go on to; null when something is wrong, and the page says what. */
  async function charge() {
    const made = await stripe.createConfirmationToken({ elements });
    if (made.error) return refused(made.error);
    const answer = await send({ token: made.confirmationToken.id });
    // Nobody knows yet whether the card was charged: the page of the call finds out and says so.
    if (answer.isLost) return form.dataset.unknown;
    return answer.redirect || refused({ message: answer.error });
  }

  async function pay() {
    const opened = await send({});
    if (opened.redirect) return opened.redirect;
    if (opened.error) return refused({ message: opened.error });
    const address = new URL(opened.thanks_url, location.href).href;
    const payment = { elements, clientSecret: opened.client_secret, confirmParams: { return_url: address }, redirect: "if_required" };
    const done = await stripe.confirmPayment(payment).catch(() => ({ error: { type: "api_connection_error" } }));
    return unlessRefused(done, address);
  }

  async function confirm() {
    const opened = await send({});
    if (opened.redirect) return opened.redirect;
    if (opened.error) return refused({ message: opened.error });
    const card = { payment_method: opened.payment_method };
    const done = await stripe.confirmCardPayment(opened.client_secret, card).catch(() => ({ error: { type: "api_connection_error" } }));
    return unlessRefused(done, opened.next);
  }

  /** Without an answer nobody knows yet whether the card was charged: the next page finds out and says so. */
  function unlessRefused(done, address) {
    return !done.error || done.error.type === "api_connection_error" ? address : refused(done.error);
  }

  async function save() {
    const opened = await send({});
    if (opened.error) return refused({ message: opened.error });
    const address = new URL(opened.next, location.href);
    const setup = { elements, clientSecret: opened.client_secret, confirmParams: { return_url: address.href }, redirect: "if_required" };
    const done = await stripe.confirmSetup(setup).catch(() => ({ error: {} }));
    if (done.error) return refused(done.error);
    address.searchParams.set("setup_intent", done.setupIntent.id);
    return address.href;
  }

  const WORK = { pay, token: charge, told: charge, save, confirm };

  function refused(error) {
    const text = error.message || "That did not work. Please try again.";
    trouble(error.type === "card_error" ? `${text} Nothing was ${CHARGED}. Please try again, or another card.` : text);
    return null;
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (busy || !stripe) return;
    byId("trouble").hidden = true;
    wait(true);
    let next = null;
    try {
      const checked = elements ? await elements.submit() : {};
      if (checked.error) {
        trouble(checked.error.message || "Please check the card.");
        field.focus();
      } else next = await WORK[does]();
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
