// The page on which a batch is typed: finds supporters, asks each kind's facts, keeps every row at the server as it is
// typed. The server reads, judges and adds up; what is decided here is only where the cursor goes next.
(() => {
  "use strict";
  const byId = (id) => document.getElementById(id);
  const form = byId("typing");
  const kinds = JSON.parse(form.dataset.kinds);
  const token = form.elements.csrfmiddlewaretoken.value;
  const kind = () => kinds[form.elements.kind.value];
  const say = (text) => (byId("said").textContent = text);
  const WAIT = 600;

  async function ask(address, body) {
    const options = body
      ? { method: "POST", body, keepalive: true, headers: { Accept: "application/json", "X-CSRFToken": token } }
      : { headers: { Accept: "application/json" } };
    const answer = await fetch(address, options);
    if (!(answer.headers.get("Content-Type") || "").includes("json")) throw new Error(`answer ${answer.status}`);
    return { status: answer.status, ...(await answer.json()) };
  }

  // ---- The row being typed -----------------------------------------------------------------------------------------

  let touched = false; // typed since it was last sent
  let begun = byId("typing-title").textContent !== "Next row"; // anything at all was typed in this row
  let changing = null; // the table row that is being changed, if it is not a new one
  const fields = () => [...form.elements].filter((one) => one.name && !["csrfmiddlewaretoken", "attempt"].includes(one.name));

  function put(values) {
    for (const field of fields()) {
      if (!(field.name in values)) continue;
      if (field.type === "checkbox") field.checked = Boolean(values[field.name]);
      else field.value = values[field.name] ?? "";
    }
    for (const name of ["donor", "recognized"]) byId(`${name}-picked`).textContent = values[`${name}_detail`] || "";
    form.elements.attempt.value = values.attempt;
    ask_facts();
    offer_promises(values.donor, values.promise_part);
  }

  // What the supporter promised and has not paid yet; nothing to see for the others.
  async function offer_promises(donor, chosen = "") {
    const list = form.elements.promise_part;
    const none = list.options[0];
    list.replaceChildren(none);
    form.querySelector("[data-promise]").hidden = true;
    if (!/^\d+$/.test(donor || "")) return;
    const { parts = [] } = await ask(`${form.dataset.promises}?donor=${donor}&kind=${form.elements.kind.value}`).catch(() => ({}));
    if (form.elements.donor.value !== donor) return;
    list.replaceChildren(none, ...parts.map(({ id, label }) => new Option(label, id)));
    list.value = chosen || "";
    form.querySelector("[data-promise]").hidden = !parts.length;
  }

  function ask_facts() {
    const { asks, labels, property, recognizes } = kind();
    for (const part of form.querySelectorAll("[data-fact]")) {
      const name = part.dataset.fact;
      const label = part.querySelector("label");
      label.dataset.own ||= label.textContent;
      label.textContent = labels[name] || label.dataset.own;
      part.hidden = !asks.includes(name);
    }
    // In the order in which this kind is typed.
    for (const name of asks) {
      const part = form.querySelector(`[data-fact="${name}"]`);
      part.parentElement.append(part);
    }
    form.querySelector("[data-amount]").hidden = property;
    const thanked = form.querySelector("[data-recognized]");
    thanked.hidden = !recognizes;
    if (recognizes) thanked.querySelector("label").textContent = recognizes;
  }

  function show_errors(errors) {
    for (const place of form.querySelectorAll(".error[id$='-error']")) {
      const name = place.id.replace(/-error$/, "");
      if (name.startsWith("new_")) continue;
      const text = errors[name === "row" ? "" : name] || "";
      place.textContent = text;
      const field = byId(`id_${name}_text`) || byId(`id_${name}`);
      if (!field) continue;
      field.toggleAttribute("aria-invalid", Boolean(text));
      if (text) field.setAttribute("aria-invalid", "true");
      place.parentElement.classList.toggle("wrong", Boolean(text));
    }
  }

  const CARRIED = ["kind", "sent_by", "postmarked_on", "received_on", "credited_on"];

  function next_row(carry = true) {
    const values = { attempt: crypto.randomUUID() };
    for (const field of fields()) {
      if (field.name === "kind" || (carry && CARRIED.includes(field.name))) values[field.name] = field.value;
      else values[field.name] = field.type === "checkbox" ? field.name === "is_benefit_declined" : "";
    }
    clearTimeout(timer);
    put(values);
    show_errors({});
    changing?.classList.remove("changing");
    changing = null;
    touched = begun = false;
    byId("gift-date").textContent = "";
    byId("typing-title").textContent = "Next row";
    form.querySelector("details").open = false;
    close_newcomer();
    byId("id_donor_text").focus();
  }

  // ---- Kept at the server, one after the other ---------------------------------------------------------------------

  let waiting = 0;
  let queue = Promise.resolve();
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

  // Sends what the form holds now. Rows arrive in the order they were typed; without a connection we try on.
  function keep(done) {
    const body = new FormData(form);
    waiting += 1;
    saving();
    queue = queue.then(async () => {
      for (let tries = 1; ; tries += 1) {
        try {
          const answer = await ask(form.action, new URLSearchParams(body));
          waiting -= 1;
          if (answer.refused) return refused(answer.refused);
          byId("bar").innerHTML = answer.bar;
          done(answer);
          return saving();
        } catch (error) {
          byId("saving").textContent = "Not saved yet: no answer. Trying again; leave this page open.";
          byId("saving").className = "trouble";
          await pause(Math.min(tries, 10) * 1000);
        }
      }
    });
  }

  function saving() {
    byId("saving").className = "";
    byId("saving").textContent = waiting ? "Saving…" : touched ? "Saved as far as it is typed" : "All rows are saved";
  }

  function refused(text) {
    byId("row-error").textContent = text;
    saving();
  }

  let timer = 0;
  function autosave() {
    clearTimeout(timer);
    const attempt = form.elements.attempt.value;
    if (!touched) return;
    keep((answer) => {
      if (form.elements.attempt.value !== attempt) return;
      byId("gift-date").textContent = answer.gift_date ? `Gift date ${answer.gift_date}` : "";
      tidy(answer.values);
      // While somebody types only what cannot be read is said; what is still missing comes with Enter.
      const unread = Object.entries(answer.errors).filter(([name]) => answer.unread.includes(name) && form.elements[name] !== document.activeElement && name !== "donor");
      show_errors(Object.fromEntries(unread));
    });
    touched = false;
  }

  // Days come back as they were understood, in fields that nobody is typing in.
  function tidy(values) {
    for (const field of form.querySelectorAll("input[placeholder='mm/dd']")) {
      if (field !== document.activeElement && values[field.name]) field.value = values[field.name];
    }
  }

  form.addEventListener("input", (event) => {
    if (event.target.dataset.new !== undefined) return;
    touched = begun = true;
    byId("saving").textContent = "";
    clearTimeout(timer);
    timer = setTimeout(autosave, WAIT);
  });
  form.elements.kind.addEventListener("change", ask_facts);

  // A browser that is being closed sends what is typed on its way out. A page that is only loaded again can be faster
  // than that, so it also finds the row here.
  const LEFT = `desk:${location.pathname}`;
  addEventListener("pagehide", () => {
    if (touched) ask(form.action, new URLSearchParams(new FormData(form))).catch(() => {});
    if (!begun || changing) return;
    const values = Object.fromEntries(fields().map((one) => [one.name, one.type === "checkbox" ? one.checked : one.value]));
    const details = Object.fromEntries(["donor", "recognized"].map((name) => [`${name}_detail`, byId(`${name}-picked`).textContent]));
    sessionStorage.setItem(LEFT, JSON.stringify({ ...values, ...details, attempt: form.elements.attempt.value }));
  });
  function take_up() {
    const left = JSON.parse(sessionStorage.getItem(LEFT) || "null");
    sessionStorage.removeItem(LEFT);
    // A row that the server began to show is the same one as it was saved last, so what was left here is newer.
    if (!left || (begun && left.attempt !== form.elements.attempt.value)) return;
    put(left);
    if (!begun) changing = [...byId("rows").children].find((row) => JSON.parse(row.dataset.values).attempt === left.attempt) || null;
    changing?.classList.add("changing");
    touched = begun = true;
    autosave();
  }
  addEventListener("beforeunload", (event) => {
    if (waiting) event.preventDefault();
  });

  // ---- The table ---------------------------------------------------------------------------------------------------

  function show_row(html, id) {
    const made = document.createElement("template");
    made.innerHTML = html.trim();
    const row = made.content.firstElementChild;
    const old = byId(`row-${id}`);
    if (old) old.replaceWith(row);
    else byId("rows").prepend(row);
    byId("no-rows").hidden = true;
    return row;
  }

  function placeholder() {
    const row = document.createElement("tr");
    row.className = "pending";
    const name = byId("id_donor_text").value;
    row.innerHTML = '<th scope="row">…</th><td class="who"></td><td></td><td></td><td></td><td class="number"></td><td>Saving…</td><td></td>';
    row.children[1].textContent = name;
    row.children[5].textContent = form.elements.amount.value;
    byId("rows").prepend(row);
    byId("no-rows").hidden = true;
    return row;
  }

  function commit() {
    const old = changing;
    const stand_in = old || placeholder();
    clearTimeout(timer);
    keep((answer) => {
      if (!old) stand_in.remove();
      show_row(answer.row, answer.id);
      if (!answer.is_finished) say(`Row ${answer.position} needs attention: ${Object.values(answer.errors).join(" ")}`);
      else if (answer.row.includes("/accept/")) say(`Row ${answer.position} looks like a duplicate.`);
      else say(`Row ${answer.position} is saved.`);
    });
    next_row();
  }

  function change(row) {
    if (begun) commit();
    next_row(false);
    changing = row;
    row.classList.add("changing");
    put(JSON.parse(row.dataset.values));
    byId("typing-title").textContent = `Row ${row.querySelector("th").textContent}`;
    saving();
    byId("id_donor_text").focus();
  }

  byId("rows").addEventListener("click", (event) => {
    const edit = event.target.closest("a.edit");
    if (!edit) return;
    event.preventDefault();
    change(edit.closest("tr"));
  });

  byId("rows").addEventListener("submit", async (event) => {
    event.preventDefault();
    const row = event.target.closest("tr");
    const values = JSON.parse(row.dataset.values);
    const answer = await ask(event.target.action, new URLSearchParams());
    if (answer.refused) return say(answer.refused);
    byId("bar").innerHTML = answer.bar;
    say(answer.said);
    if (answer.row) show_row(answer.row, row.dataset.row).querySelector("a.edit").focus();
    else {
      row.remove();
      byId("no-rows").hidden = byId("rows").children.length > 0;
      if (event.target.classList.contains("remove")) offer_back(values);
      else byId("id_donor_text").focus();
    }
  });

  function offer_back(values) {
    const back = document.createElement("button");
    back.type = "button";
    back.textContent = "Undo";
    back.addEventListener("click", () => {
      if (begun) commit();
      next_row();
      put(values);
      commit();
    });
    byId("said").append(" ", back);
    back.focus();
  }

  // ---- From field to field -----------------------------------------------------------------------------------------

  const is_open = (field) => !field.closest("[hidden]");

  // What a finished row still lacks, in the order of typing.
  function lacking() {
    const { needs, property } = kind();
    const wanted = [[byId("id_donor_text"), form.elements.donor.value]];
    if (!property) wanted.push([form.elements.amount, form.elements.amount.value.trim()]);
    for (const name of needs) wanted.push([form.elements[name], form.elements[name].value.trim()]);
    const in_place = (one) => one.compareDocumentPosition(document.activeElement) & Node.DOCUMENT_POSITION_PRECEDING;
    const empty = wanted.filter(([, value]) => !value).map(([field]) => field);
    return empty.find(in_place) || empty[0];
  }

  const AMOUNT = /^\$?\s*(\d+|\d{1,3}(,\d{3})+)(\.\d{0,2})?$/;

  function enter() {
    const { amount } = form.elements;
    if (is_open(amount) && amount.value.trim() && !AMOUNT.test(amount.value.trim())) {
      show_errors({ amount: "Enter an amount like 25 or 1,250.50." });
      return amount.focus();
    }
    const empty = lacking();
    if (!empty) return commit();
    const { name } = empty;
    if (empty === document.activeElement) {
      const label = form.querySelector(`label[for="${empty.id}"]`).textContent;
      show_errors({ [name.replace(/_text$/, "")]: name === "donor_text" ? "Pick a supporter from the list." : `${label} is missing.` });
    }
    empty.focus();
  }

  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing || event.defaultPrevented) return;
    const on = event.target;
    if (on.matches("button, summary, a")) return;
    event.preventDefault();
    if (on.dataset.new !== undefined) add_newcomer();
    else enter();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    enter();
  });
  form.addEventListener("focusin", (event) => {
    if (event.target.matches("input[placeholder='mm/dd']")) event.target.select();
  });
  addEventListener("keydown", (event) => {
    if (event.altKey && event.code === "KeyN") {
      event.preventDefault();
      leave();
    } else if (event.altKey && event.code === "KeyC") {
      event.preventDefault();
      byId("to-summary").click();
    } else if (event.key === "Escape" && !event.defaultPrevented && changing) next_row();
  });

  function leave() {
    if (begun) commit();
    else next_row();
  }
  byId("later").hidden = false;
  byId("later").addEventListener("click", leave);

  // ---- Supporters, found while they are typed ----------------------------------------------------------------------

  class Finder {
    constructor(box) {
      this.name = box.dataset.finder;
      this.input = byId(`id_${this.name}_text`);
      this.value = byId(`id_${this.name}`);
      this.list = byId(`${this.name}-found`);
      this.picked = byId(`${this.name}-picked`);
      this.options = [];
      this.at = -1;
      this.asked = 0;
      this.answered = 0;
      this.waits = null; // since Enter came before the list: the keys typed after it
      this.input.addEventListener("input", () => this.typed());
      this.input.addEventListener("keydown", (event) => this.key(event));
      this.input.addEventListener("blur", () => this.left());
      this.list.addEventListener("mousedown", (event) => {
        event.preventDefault();
        const option = event.target.closest("[role=option]");
        if (option) this.pick([...this.list.children].indexOf(option));
      });
    }

    typed() {
      this.value.value = "";
      this.picked.textContent = "";
      this.waits = null;
      clearTimeout(this.timer);
      const text = this.input.value.trim();
      if (!text) return this.shut();
      this.asked += 1;
      this.timer = setTimeout(() => this.find(text, this.asked), 90);
    }

    async find(text, number) {
      const answer = await ask(`${form.dataset.find}?q=${encodeURIComponent(text)}`).catch(() => ({ found: [] }));
      if (number !== this.asked) return;
      this.answered = number;
      this.campaign = answer.campaign;
      this.options = [...answer.found];
      if (form.elements.kind.value === "cash" && this.name === "donor" && "unknown".startsWith(text.toLowerCase())) {
        this.options.push({ id: "unknown", name: "Unknown", detail: "cash of somebody nobody knows" });
      }
      if (form.dataset.add) this.options.push({ id: "new", name: `New supporter “${text}”`, detail: "" });
      this.draw();
      const keys = this.waits;
      this.waits = null;
      if (!keys) return;
      // Enter came before the list: only when there is no doubt who was meant.
      if (answer.found.length === 1) {
        this.pick(0);
        type_on(keys);
      } else if (keys.length) {
        say("Pick a supporter from the list. What you typed after the name was not kept.");
      }
    }

    draw() {
      this.list.replaceChildren(
        ...this.options.map(({ name, detail }, place) => {
          const option = document.createElement("li");
          option.id = `${this.name}-option-${place}`;
          option.setAttribute("role", "option");
          const strong = document.createElement("strong");
          strong.textContent = name;
          const small = document.createElement("small");
          small.textContent = detail;
          option.append(strong, " ", small);
          return option;
        }),
      );
      this.list.hidden = !this.options.length;
      this.input.setAttribute("aria-expanded", String(!this.list.hidden));
      this.move(0);
    }

    move(place) {
      this.at = this.options.length ? (place + this.options.length) % this.options.length : -1;
      [...this.list.children].forEach((one, index) => one.setAttribute("aria-selected", String(index === this.at)));
      if (this.at < 0) this.input.removeAttribute("aria-activedescendant");
      else {
        this.input.setAttribute("aria-activedescendant", `${this.name}-option-${this.at}`);
        this.list.children[this.at].scrollIntoView({ block: "nearest" });
      }
    }

    shut() {
      this.list.hidden = true;
      this.options = [];
      this.input.setAttribute("aria-expanded", "false");
      this.input.removeAttribute("aria-activedescendant");
    }

    // Somebody who goes elsewhere by hand no longer waits; a window that is only covered does.
    left() {
      if (document.activeElement !== this.input) this.waits = null;
      this.shut();
    }

    // People type on without looking: what follows Enter belongs to the next fields, however late the list is.
    hold(event) {
      const { key } = event;
      const is_text = key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey;
      if (is_text || key === "Enter" || (key === "Tab" && !event.shiftKey)) this.waits.push(key);
      else if (key === "Backspace" && this.waits.length) this.waits.pop();
      else {
        if (key === "Escape") this.waits = null;
        return;
      }
      event.preventDefault();
    }

    key(event) {
      if (event.isComposing) return;
      if (this.waits) return this.hold(event);
      const is_shown = !this.list.hidden;
      if (is_shown && event.key === "ArrowDown") this.move(this.at + 1);
      else if (is_shown && event.key === "ArrowUp") this.move(this.at - 1);
      else if (is_shown && event.key === "Escape") this.shut();
      else if (event.key === "Enter" && !this.value.value && this.input.value.trim()) this.answer_to_enter();
      else if (event.key === "Tab" && !event.shiftKey && is_shown && this.options[this.at].id !== "new") return this.pick(this.at, false);
      else return;
      event.preventDefault();
    }

    answer_to_enter() {
      if (this.answered !== this.asked) this.waits = [];
      else if (!this.list.hidden) this.pick(this.at);
      else this.find(this.input.value.trim(), this.asked);
    }

    pick(place, goes_on = true) {
      const chosen = this.options[place];
      if (chosen.id === "new") return open_newcomer(this);
      this.take(chosen);
      if (this.campaign && form.elements.campaign) form.elements.campaign.value = this.campaign;
      if (goes_on) this.go_on();
    }

    take({ id, name, detail }) {
      this.value.value = id;
      this.input.value = name;
      this.picked.textContent = detail;
      this.shut();
      if (this.name === "donor") offer_promises(id);
      form.dispatchEvent(new Event("input"));
    }

    // After the supporter comes the amount, or what this kind asks first.
    go_on() {
      show_errors({});
      field_after(this.input).focus();
    }
  }

  function field_after(field) {
    const order = [...form.querySelectorAll(".line input:not([type=hidden]), .line select")].filter(is_open);
    return order[order.indexOf(field) + 1] || byId("keep");
  }

  // As if the keys were pressed now, from the field that has the focus.
  function type_on(keys) {
    keys.forEach((key) => {
      const on = document.activeElement;
      const finder = Object.values(finders).find((one) => one.input === on && one.waits);
      if (finder) finder.waits.push(key);
      else if (key === "Tab") field_after(on).focus();
      else if (key === "Enter" && on.matches("button")) on.click();
      else if (key === "Enter") on.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
      else if (on.setRangeText && on.selectionStart !== null) {
        on.setRangeText(key, on.selectionStart, on.selectionEnd, "end");
        on.dispatchEvent(new Event("input", { bubbles: true }));
      }
    });
  }

  const finders = Object.fromEntries([...form.querySelectorAll(".finder")].map((box) => [box.dataset.finder, new Finder(box)]));

  // ---- A new supporter, in place -----------------------------------------------------------------------------------

  const panel = byId("newcomer");
  const answers = () => [...panel.querySelectorAll("[data-new]")];
  let asking = null;
  let is_sure = false;

  function open_newcomer(finder) {
    asking = finder;
    is_sure = false;
    for (const field of answers()) field.value = field.id === "new_kind" ? "individual" : "";
    byId("new_name").value = finder.input.value.trim();
    finder.shut();
    newcomer_errors({});
    panel.hidden = false;
    // The name is there already; who has none to add goes on with Enter.
    byId("new_address_line1").focus();
  }

  function close_newcomer() {
    if (panel) panel.hidden = true;
    asking = null;
  }

  function newcomer_errors(errors, known) {
    for (const field of answers()) {
      const place = byId(`${field.id}-error`);
      if (place) place.textContent = errors[field.dataset.new] || "";
    }
    byId("known").hidden = !known;
    if (!known) return;
    const use = document.createElement("button");
    use.type = "button";
    use.textContent = `It is ${known.name}`;
    use.addEventListener("click", () => picked(known));
    byId("known").replaceChildren(use, is_sure ? " Enter again: it is somebody else." : "");
  }

  function picked(supporter) {
    const finder = asking;
    close_newcomer();
    finder.take(supporter);
    finder.go_on();
  }

  async function add_newcomer() {
    const body = new URLSearchParams(answers().map((field) => [field.dataset.new, field.value]));
    if (is_sure) body.set("is_sure", "on");
    const answer = await ask(form.dataset.add, body).catch(() => ({ errors: { name: "No answer. Please try again." } }));
    if (!answer.errors) return picked(answer);
    is_sure = Boolean(answer.known && answer.errors.name);
    newcomer_errors(answer.errors, answer.known);
    byId(`new_${Object.keys(answer.errors)[0]}`)?.focus();
  }

  if (panel) {
    byId("add-newcomer").addEventListener("click", add_newcomer);
    byId("drop-newcomer").addEventListener("click", () => drop());
    panel.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      drop();
    });
    answers().forEach((field) => field.addEventListener("input", () => (is_sure = false)));
  }

  function drop() {
    const finder = asking;
    close_newcomer();
    finder.input.focus();
  }

  // ---- Begin -------------------------------------------------------------------------------------------------------

  ask_facts();
  take_up();
  byId("to-summary").addEventListener("click", async (event) => {
    event.preventDefault();
    clearTimeout(timer);
    autosave();
    await queue;
    location.assign(byId("to-summary").href);
  });
  byId("id_donor_text").focus();
})();
