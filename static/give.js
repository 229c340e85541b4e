// The giving page: keeps the words true to the choice, shows errors by their fields, and takes the card through Stripe.
// The server decides every amount; what is computed here is only a preview.
(() => {
  "use strict";
  const form = document.getElementById("give");
  const byId = (id) => document.getElementById(id);
  const { key, currency, percent, fixed, consentMonthly, consentYearly } = form.dataset;
  const places = new Intl.NumberFormat("en-US", { style: "currency", currency }).resolvedOptions().maximumFractionDigits;
  const words = (minor) => new Intl.NumberFormat("en-US", { style: "currency", currency }).format(minor / 10 ** places);
  const short = (minor) => words(minor).replace(/\.00$/, "");
  const frequency = () => form.elements.frequency.value;

  // ---- What is chosen ------------------------------------------------------------------------------------------

  function chosen() {
    const picked = form.querySelector("input[name=amount]:checked");
    if (picked && picked.value !== "other") return Number(picked.value);
    const typed = Number(byId("other_amount").value.replace(/[$,\s]/g, ""));
    return Number.isFinite(typed) && typed > 0 ? Math.round(typed * 10 ** places) : 0;
  }

  function fee(net) {
    let total = Math.max(net, Math.round((net + Number(fixed)) / (1 - percent / 100)) - 2);
    const kept = (charge) => charge - Math.round((charge * percent) / 100) - Number(fixed);
    while (kept(total) < net) total += 1;
    return total - net;
  }

  function total() {
    const net = chosen();
    return form.elements.cover_fee.checked ? net + fee(net) : net;
  }

  function show() {
    const net = chosen();
    const often = frequency() === "once" ? "" : ` ${frequency()}`;
    byId("submit-text").textContent = net ? `Give ${short(total())}${often}` : "Give";
    byId("cover").hidden = !net;
    if (net) {
      byId("fee").textContent = words(fee(net));
      byId("total").textContent = words(net + fee(net));
    }
    const consent = { monthly: consentMonthly, yearly: consentYearly }[frequency()];
    byId("consent").hidden = !consent || !net;
    if (consent) byId("consent").textContent = consent.replace("{amount}", words(total()));
    tellStripe();
  }

  function frequencyChanged() {
    const shown = form.querySelector(`.amounts[data-frequency=${frequency()}]`);
    const other = form.querySelector("input[name=amount][value=other]");
    if (!other.checked && !shown.querySelector(":checked")) {
      const offers = shown.querySelectorAll("input");
      offers[Math.min(1, offers.length - 1)].checked = true;
    }
    show();
  }

  form.addEventListener("change", (event) => (event.target.name === "frequency" ? frequencyChanged() : show()));
  byId("other_amount").addEventListener("input", () => {
    form.querySelector("input[name=amount][value=other]").checked = true;
    show();
  });
  form.querySelector("input[name=amount][value=other]").addEventListener("click", () => byId("other_amount").focus());

  // ---- Stripe's card field -------------------------------------------------------------------------------------

  let stripe = null;
  let elements = null;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");

  function look() {
    const style = getComputedStyle(document.documentElement);
    const color = (name) => style.getPropertyValue(name).trim();
    return {
      theme: dark.matches ? "night" : "stripe",
      variables: {
        colorPrimary: color("--accent"), colorBackground: color("--paper"), colorText: color("--ink"),
        colorDanger: color("--wrong"), borderRadius: "6px", fontSizeBase: "16px",
      },
    };
  }

  function terms() {
    return { amount: total() || 100, setupFutureUsage: frequency() === "once" ? null : "off_session" };
  }

  function tellStripe() {
    if (elements) elements.update(terms());
  }

  function mount() {
    if (typeof window.Stripe !== "function") {
      unavailable();
      return;
    }
    stripe = window.Stripe(key);
    const { amount, setupFutureUsage } = terms();
    const options = { mode: "payment", amount, currency, appearance: look() };
    if (setupFutureUsage) options.setupFutureUsage = setupFutureUsage;
    elements = stripe.elements(options);
    const field = elements.create("payment", { layout: "tabs" });
    field.on("ready", () => byId("payment-waiting")?.remove());
    field.on("loaderror", unavailable);
    field.on("change", () => say("payment", ""));
    field.mount("#payment");
    dark.addEventListener("change", () => elements.update({ appearance: look() }));
  }

  function unavailable() {
    byId("payment-waiting")?.remove();
    const text = "The card field could not be loaded. Please check your connection and reload, or give another way.";
    say("payment", text);
  }

  // ---- Errors --------------------------------------------------------------------------------------------------

  function say(name, text) {
    const place = byId(`${name}-error`);
    if (place) place.textContent = text;
    const around = form.querySelector(`[data-field="${name}"]`);
    around?.classList.toggle("wrong", Boolean(text));
    const input = byId(name);
    if (input && "value" in input) text ? input.setAttribute("aria-invalid", "true") : input.removeAttribute("aria-invalid");
  }

  function clear() {
    form.querySelectorAll("[data-field]").forEach((field) => say(field.dataset.field, ""));
    say("payment", "");
    byId("summary").hidden = true;
    byId("summary").replaceChildren();
  }

  function complain(errors) {
    const list = document.createElement("ul");
    for (const [name, [text]] of Object.entries(errors)) {
      const item = document.createElement("li");
      const target = byId(name);
      if (name === "__all__" || !target) item.textContent = text;
      else {
        const link = document.createElement("a");
        link.href = `#${name}`;
        link.textContent = text;
        link.addEventListener("click", (event) => {
          event.preventDefault();
          target.closest("details")?.setAttribute("open", "");
          (target.matches("fieldset") ? target.querySelector("input") : target).focus();
        });
        item.append(link);
        say(name, text);
      }
      list.append(item);
    }
    const heading = document.createElement("h2");
    heading.textContent = "Please look again";
    const summary = byId("summary");
    summary.replaceChildren(heading, list);
    summary.hidden = false;
    summary.focus();
    summary.scrollIntoView({ block: "center" });
  }

  const NETWORK = "We could not reach our server. Nothing was charged. Please check your connection and try again.";
  const ADVICE = {
    insufficient_funds: "Your bank says there is not enough money on this card. Please try another card or a smaller amount.",
    expired_card: "This card has expired. Please try another.",
    incorrect_cvc: "The security code does not match this card. Please check it and try again.",
    processing_error: "Your bank had a problem just now. Please try again in a minute.",
    authentication_required: "Your bank wants you to confirm this payment. Please try again and follow its steps.",
  };

  function declined(error) {
    if (error.type === "validation_error") return say("payment", error.message);
    if (error.code === "payment_intent_authentication_failure")
      return complain({ __all__: ["Your bank did not confirm that it is you, so nothing was charged. Please try again, or use another card."] });
    const advice = ADVICE[error.decline_code] || ADVICE[error.code];
    const plain = "Your bank declined this card, without saying why. Nothing was charged. Please try another card, or call your bank.";
    return complain({ __all__: [advice || plain] });
  }

  // ---- Sending -------------------------------------------------------------------------------------------------

  let busy = false;
  function wait(on) {
    busy = on;
    byId("submit").setAttribute("aria-busy", String(on));
    if (on) byId("submit-text").textContent = "One moment…";
    else show();
  }

  async function ask() {
    const answer = await fetch(form.getAttribute("action") || location.pathname, {
      method: "POST", body: new FormData(form), headers: { Accept: "application/json" },
    });
    return { status: answer.status, told: await answer.json() };
  }

  function askAgain(question) {
    const dialog = byId("again");
    byId("again-question").textContent = question;
    dialog.showModal();
    return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }));
  }

  async function start() {
    let { status, told } = await ask();
    if (told.confirm_again) {
      if (!(await askAgain(told.confirm_again))) return null;
      const again = new FormData(form);
      again.set("again", "1");
      const answer = await fetch(form.getAttribute("action") || location.pathname, { method: "POST", body: again, headers: { Accept: "application/json" } });
      status = answer.status;
      told = await answer.json();
    }
    if (told.errors) {
      complain(told.errors);
      return null;
    }
    return status === 200 ? told : null;
  }

  async function give() {
    clear();
    if (!elements) return unavailable();
    const checked = await elements.submit();
    if (checked.error) {
      declined(checked.error);
      byId("payment").scrollIntoView({ block: "center" });
      return undefined;
    }
    const told = await start();
    if (!told) return undefined;
    if (told.redirect) return go(told.redirect);
    const address = new URL(told.thanks_url, location.href).href;
    if (told.amount_minor !== total()) {
      // The server decides. Elements must agree with it, and asks to be submitted again after a change.
      elements.update({ amount: told.amount_minor });
      const again = await elements.submit();
      if (again.error) return declined(again.error);
    }
    const done = await stripe.confirmPayment({
      elements, clientSecret: told.client_secret, confirmParams: { return_url: address }, redirect: "if_required",
    });
    // Without an answer nobody knows yet whether the card was charged: that page finds out and says so.
    if (!done.error || done.error.type === "api_connection_error") return go(address);
    return declined(done.error);
  }

  function go(address) {
    leaving = true;
    location.assign(address);
  }

  let leaving = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (busy) return;
    wait(true);
    try {
      await give();
    } catch {
      complain({ __all__: [NETWORK] });
    } finally {
      if (!leaving) wait(false);
    }
  });

  window.addEventListener("pageshow", (event) => {
    if (event.persisted) {
      leaving = false;
      wait(false);
    }
  });

  const wished = new URLSearchParams(location.search).get("frequency");
  const radio = wished && form.querySelector(`input[name=frequency][value="${CSS.escape(wished)}"]`);
  if (radio) radio.checked = true;
  if (!byId("summary").hidden) byId("summary").focus();
  mount();
  frequencyChanged();
})();
