// The giving page: keeps its words true to the choice, shows errors by their fields, and takes the card through Stripe.
// The server decides every amount; what is computed here is a preview, and the person sees it before it is charged.
(() => {
  "use strict";
  const byId = (id) => document.getElementById(id);
  const form = byId("give");
  const { key, currency, consentMonthly, consentYearly } = form.dataset;
  const other = form.querySelector("input[name=amount][value=other]");

  // ---- Money, in whole minor units -------------------------------------------------------------------------------

  const printer = new Intl.NumberFormat("en-US", { style: "currency", currency });
  const unit = 10 ** printer.resolvedOptions().maximumFractionDigits;
  const full = (minor) => printer.format(minor / unit);
  const short = (minor) => full(minor).replace(/\.00$/, "");
  const TYPED = /^(\d+|\d{1,3}(,\d{3})+)(\.\d*)?$/;

  function chosen() {
    const picked = form.querySelector("input[name=amount]:checked");
    if (picked && picked !== other) return Number(picked.value);
    const typed = byId("other_amount").value.trim().replace(/^\$\s*/, "");
    return TYPED.test(typed) ? Math.round(Number(typed.replace(/,/g, "")) * unit) : 0;
  }

  // Hundredths of a percent, so that no fraction is ever rounded twice.
  const rate = Math.round(Number(form.dataset.percent) * 100);
  const fixed = Number(form.dataset.fixed);
  const reaches = (charge) => charge - Math.floor((charge * rate + 5000) / 10000) - fixed;

  function withFee(net) {
    if (agreed && agreed.net === net) return agreed.total;
    let charge = net;
    while (reaches(charge) < net) charge += Math.max(1, Math.floor(net - reaches(charge)));
    while (reaches(charge - 1) >= net) charge -= 1;
    return charge;
  }

  // What the server said when it disagreed with us.
  let agreed = null;
  const frequency = () => form.elements.frequency.value;
  const total = () => (form.elements.cover_fee.checked ? withFee(chosen()) : chosen());

  // ---- Words -------------------------------------------------------------------------------------------------------

  function show() {
    const net = chosen();
    const often = frequency() === "once" ? "" : ` ${frequency()}`;
    if (!busy) byId("submit").textContent = net ? `Give ${short(total())}${often}` : "Give";
    if (net) byId("cover-text").textContent = `Add ${full(withFee(net) - net)} to cover the card fee: ${full(withFee(net))} in all`;
    const consent = { monthly: consentMonthly, yearly: consentYearly }[frequency()];
    byId("consent").hidden = !consent || !net;
    if (consent) byId("consent").textContent = consent.replace("{amount}", full(total()));
    offer(net);
    tellStripe();
  }

  // What comes with a gift is asked only once the gift is large enough for it.
  function offer(net) {
    const things = [...form.querySelectorAll(".benefit")];
    for (const thing of things) thing.hidden = Number(thing.dataset.from) > net;
    if (things.length) byId("benefits").hidden = things.every((thing) => thing.hidden);
  }

  const offers = () => [...form.querySelectorAll(`.amounts[data-frequency=${frequency()}] input`)];

  function frequencyChanged() {
    const picked = form.querySelector("input[name=amount]:checked");
    const now = offers();
    if (picked !== other && !now.includes(picked)) {
      // The same place in the row: the second amount stays the second amount.
      const place = picked ? [...picked.closest(".amounts").querySelectorAll("input")].indexOf(picked) : 1;
      (now[Math.min(place, now.length - 1)] || other).checked = true;
    }
    show();
  }

  form.addEventListener("change", (event) => (event.target.name === "frequency" ? frequencyChanged() : show()));
  byId("other_amount").addEventListener("input", () => {
    other.checked = true;
    show();
  });
  other.addEventListener("click", (event) => {
    // A click, not the arrow keys: those must be able to pass.
    if (event.detail) byId("other_amount").focus();
  });

  // ---- Stripe's card field -----------------------------------------------------------------------------------------

  let stripe = null;
  let elements = null;
  let field = null;
  let isCardEmpty = true;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");

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

  // As the server asks of Stripe for the same gift: our schedule charges cards, so nothing else may begin one.
  const terms = () => ({
    amount: total() || 100,
    ...(frequency() === "once"
      ? { setupFutureUsage: null, allowedPaymentMethodTypes: ["card", "link"] }
      : { setupFutureUsage: "off_session", allowedPaymentMethodTypes: ["card"] }),
  });

  let told = "";
  function tellStripe() {
    const now = terms();
    if (!elements || told === JSON.stringify(now)) return;
    told = JSON.stringify(now);
    elements.update(now);
  }

  function mount() {
    try {
      stripe = window.Stripe(key);
      elements = stripe.elements({ mode: "payment", currency, ...terms(), appearance: look() });
    } catch {
      unavailable();
      return;
    }
    field = elements.create("payment", { layout: "tabs" });
    field.on("ready", () => byId("payment-waiting")?.remove());
    field.on("loaderror", unavailable);
    field.on("change", (event) => {
      isCardEmpty = event.empty;
      say("payment", "");
    });
    field.mount("#payment");
    dark.addEventListener("change", () => elements.update({ appearance: look() }));
  }

  /** Without a card field nothing may look as if it could be paid. */
  function unavailable() {
    byId("payment").parentElement.hidden = true;
    byId("pay").hidden = true;
    byId("no-card").hidden = false;
  }

  // ---- Errors ------------------------------------------------------------------------------------------------------

  function say(name, text) {
    const place = byId(`${name}-error`);
    if (place) place.textContent = text;
    form.querySelector(`[data-field="${name}"]`)?.classList.toggle("wrong", Boolean(text));
    const input = byId(name);
    if (!input || !("value" in input)) return;
    if (text) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  }

  function clear() {
    form.querySelectorAll("[data-field]").forEach((around) => say(around.dataset.field, ""));
    say("payment", "");
    for (const box of [byId("summary"), byId("trouble")]) {
      box.hidden = true;
      box.replaceChildren();
    }
  }

  function element(tag, text) {
    const made = document.createElement(tag);
    made.textContent = text;
    return made;
  }

  function reveal(box, ...content) {
    box.replaceChildren(...content);
    box.hidden = false;
    box.focus({ preventScroll: true });
    box.scrollIntoView({ block: "center" });
  }

  /** Errors of fields: each by its field, and all of them at the top with links. */
  function complain(errors) {
    const { __all__: general, ...fields } = errors;
    if (!Object.keys(fields).length) return trouble("That did not work", general[0]);
    const list = document.createElement("ul");
    for (const [name, [text]] of Object.entries(fields)) {
      const item = document.createElement("li");
      const link = element("a", text);
      link.href = `#${name}`;
      link.addEventListener("click", (event) => {
        event.preventDefault();
        goTo(name);
      });
      item.append(link);
      list.append(item);
      say(name, text);
      byId(name)?.closest("details")?.setAttribute("open", "");
    }
    return reveal(byId("summary"), element("h2", "Please look again"), list);
  }

  function goTo(name) {
    const target = byId(name);
    const input = target?.matches("fieldset") ? target.querySelector("input:checked") || target.querySelector("input") : target;
    input?.focus();
  }

  /** Everything else that went wrong, next to the button that was pressed. */
  const trouble = (heading, text) => reveal(byId("trouble"), element("h2", heading), element("p", text));

  const OFFLINE = "We could not reach our server, so nothing was charged. Please check your connection and press the button again.";
  const BROKEN = "Something broke on our side, and nothing was charged. Please try again in a minute.";
  const ADVICE = {
    insufficient_funds: "Your bank says there is not enough money on this card. Please try another card, or a smaller amount.",
    expired_card: "This card has expired. Please try another.",
    incorrect_cvc: "The security code does not match this card. Please check it and try again.",
    incorrect_zip: "Your bank knows another ZIP code for this card. Please check it and try again.",
    incorrect_number: "Your bank does not know this card number. Please check it and try again.",
    processing_error: "Your bank had a problem just now. Please try again in a minute.",
    authentication_required: "Your bank wants you to confirm this payment. Please try again and follow its steps.",
    card_velocity_exceeded: "This card has reached a limit at your bank. Please try another card, or call your bank.",
    card_not_supported: "Your bank does not allow this kind of payment with this card. Please try another.",
    do_not_honor: "Your bank did not say why. Please try another card, or call the number on the back of this one.",
  };

  function declined(error) {
    if (error.type === "validation_error") {
      say("payment", error.message || "Please check the card.");
      byId("payment").scrollIntoView({ block: "center" });
      field.focus();
      return;
    }
    if (error.code === "payment_intent_authentication_failure") {
      trouble("Your bank could not confirm that it is you", "Nothing was charged. Please try again, or use another card.");
      return;
    }
    const advice = ADVICE[error.decline_code] || ADVICE[error.code] || ADVICE.do_not_honor;
    trouble("Your card was declined", `Nothing was charged. ${advice}`);
  }

  // ---- Sending -----------------------------------------------------------------------------------------------------

  let busy = false;
  let leaving = false;

  function wait(on) {
    busy = on;
    byId("submit").setAttribute("aria-busy", String(on));
    byId("spoken").textContent = on ? "One moment, please." : "";
    if (on) byId("submit").textContent = "One moment…";
    else show();
  }

  async function send(again) {
    const body = new FormData(form);
    if (again) body.set("again", "1");
    let answer = null;
    try {
      answer = await fetch(form.getAttribute("action"), { method: "POST", body, headers: { Accept: "application/json" } });
    } catch {
      return { errors: { __all__: [OFFLINE] } };
    }
    return answer.json().catch(() => ({ errors: { __all__: [BROKEN] } }));
  }

  function isMeant(question) {
    const dialog = byId("again");
    byId("again-question").textContent = question;
    dialog.returnValue = "";
    dialog.showModal();
    return new Promise((answer) => dialog.addEventListener("close", () => answer(dialog.returnValue === "yes"), { once: true }));
  }

  /** What the server opened for us to pay; null when there is nothing to pay now, and the page says why. */
  async function open() {
    let answer = await send(false);
    if (answer.confirm_again) {
      if (!(await isMeant(answer.confirm_again))) return null;
      answer = await send(true);
    }
    if (answer.errors) {
      complain(answer.errors);
      return null;
    }
    if (answer.redirect) {
      go(answer.redirect);
      return null;
    }
    if (answer.amount_minor !== total()) {
      agreed = { net: chosen(), total: answer.amount_minor };
      show();
      trouble("The card fee has changed", `Your gift would be ${full(answer.amount_minor)} in all. If that is right, press the button again.`);
      return null;
    }
    return answer;
  }

  /** An early press leads on to what is still to be filled in, without a word of blame. */
  function leadsOn() {
    const gap = [byId("name"), byId("email")].find((input) => !input.value.trim());
    if (!gap || !isCardEmpty) return false;
    gap.focus({ preventScroll: true });
    byId("details").scrollIntoView({ block: "start" });
    return true;
  }

  async function give() {
    clear();
    const checked = await elements.submit();
    if (checked.error) return declined(checked.error);
    const opened = await open();
    if (!opened) return undefined;
    const address = new URL(opened.thanks_url, location.href).href;
    const confirmParams = { return_url: address };
    const payment = { elements, clientSecret: opened.client_secret, confirmParams, redirect: "if_required" };
    const done = await stripe.confirmPayment(payment).catch(() => ({ error: { type: "api_connection_error" } }));
    // Without an answer nobody knows yet whether the card was charged: that page finds out and says so.
    if (!done.error || done.error.type === "api_connection_error") return go(address);
    return declined(done.error);
  }

  function go(address) {
    leaving = true;
    location.assign(address);
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (busy || !elements || leadsOn()) return;
    wait(true);
    try {
      await give();
    } catch {
      trouble("That did not work", BROKEN);
    } finally {
      if (!leaving) wait(false);
    }
  });

  window.addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    leaving = false;
    wait(false);
  });

  // ---- Start -------------------------------------------------------------------------------------------------------

  const wished = new URLSearchParams(location.search).get("frequency");
  const radio = [...form.elements.frequency].find((input) => input.value === wished);
  if (radio) radio.checked = true;
  frequencyChanged();
  if (!byId("summary").hidden) byId("summary").focus();
  // This script stands before Stripe's: both are deferred, so that it hears how the other one fares.
  if (window.Stripe) mount();
  else {
    byId("stripe").addEventListener("load", mount);
    byId("stripe").addEventListener("error", unavailable);
  }
})();
