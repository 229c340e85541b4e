// elements(): a group with one Payment Element, whose fields live in the frame.

const EVENTS = NAMES('ready change focus blur escape loaderror loaderstart carddetailschange availablepaymentmethodschange');
const FRAME_STYLE = {
  display: 'block', border: '0', margin: '-4px -4px 0', width: 'calc(100% + 8px)', minWidth: '0', height: '260px',
  overflow: 'hidden',
};

class Emitter {
  constructor() {
    this.handlers = new Map();
  }

  on(name, handler) {
    if (!this.eventNames().has(name)) throw new IntegrationError(`Invalid event name: ${name}.`);
    if (typeof handler !== 'function') throw new IntegrationError(`Invalid handler for ${name}: it should be a function.`);
    this.handlers.set(name, [...(this.handlers.get(name) || []), handler]);
    return this;
  }

  once(name, handler) {
    const wrapped = (data) => {
      this.off(name, wrapped);
      handler(data);
    };
    return this.on(name, wrapped);
  }

  off(name, handler) {
    const kept = handler ? (this.handlers.get(name) || []).filter((other) => other !== handler) : [];
    this.handlers.set(name, kept);
    return this;
  }

  emit(name, data) {
    for (const handler of this.handlers.get(name) || []) handler(data);
  }
}

class PaymentElement extends Emitter {
  #group;
  #options;
  #frame = null;
  #destroyed = false;

  constructor(group, options) {
    super();
    this.#group = group;
    this.#options = options;
    this.loaded = false;
  }

  eventNames() {
    return EVENTS;
  }

  get fields() {
    return this.#options.fields || {};
  }

  mount(target) {
    if (this.#destroyed) throw new IntegrationError('This Element has already been destroyed. Please create a new one.');
    const place = typeof target === 'string' ? document.querySelector(target) : target;
    if (!(place instanceof HTMLElement)) {
      throw new IntegrationError(
        typeof target === 'string'
          ? `The selector you specified (${target}) applies to no DOM elements that are currently on the page. ` +
              'Make sure the element exists on the page before calling mount().'
          : 'Missing argument. Make sure to call mount() with a valid DOM element or selector.',
      );
    }
    if (this.#frame) {
      if (this.#frame.element.parentElement === place) return;
      this.unmount();
    }
    this.#frame = new Frame('card.html', 'Secure payment input frame', (name, data) => this.#hear(name, data));
    Object.assign(this.#frame.element.style, FRAME_STYLE);
    place.replaceChildren(this.#frame.element);
    place.classList.add('StripeElement');
    this.emit('loaderstart', { elementType: 'payment' });
  }

  #hear(name, data) {
    const { element } = this.#frame;
    if (name === 'waiting') this.#frame.call('init', { key: this.#group.key, elements: this.#group.options, options: this.#options });
    else if (name === 'height') element.style.height = `${data.height}px`;
    else if (name === 'scheme') element.style.colorScheme = data.scheme;
    else if (name === 'enter') element.closest('form')?.requestSubmit();
    else if (name === 'loaderror') {
      if (!this.handlers.get('loaderror')?.length) console.error('[Stripe.js, sandbox] Unhandled payment Element loaderror', data.error);
      this.emit(name, { elementType: 'payment', error: data.error });
    } else {
      if (name === 'ready') this.loaded = true;
      if (name === 'change') this.#group.changed();
      this.emit(name, { elementType: 'payment', ...data });
    }
  }

  /** What the group and the payments ask the frame for; not a part of the library's face. */
  ask(name, data) {
    if (!this.#frame || !this.loaded) {
      throw new IntegrationError(
        'Invalid value for elements: it should have a mounted Payment Element that has emitted its ready event.',
      );
    }
    return this.#frame.call(name, data);
  }

  get mounted() {
    return Boolean(this.#frame);
  }

  update(options) {
    check('element.update()', options, PAYMENT_UPDATE);
    this.#options = { ...this.#options, ...options };
    this.refresh();
    return this;
  }

  refresh() {
    if (this.#frame && this.loaded) this.#frame.call('update', { elements: this.#group.options, options: this.#options });
  }

  collapse() {
    return this;
  }

  focus() {
    if (this.loaded) this.#frame.call('focus');
  }

  blur() {
    if (this.loaded) this.#frame.call('blur');
  }

  clear() {
    if (this.loaded) this.#frame.call('clear');
  }

  unmount() {
    if (!this.#frame) return;
    this.#frame.element.parentElement?.classList.remove('StripeElement');
    this.#frame.remove();
    this.#frame = null;
    this.loaded = false;
  }

  destroy() {
    this.unmount();
    this.#destroyed = true;
    this.#group.forget(this);
  }
}

class Elements extends Emitter {
  #payment = null;
  #submitted = false;

  constructor(key, options) {
    super();
    check('elements()', options, ELEMENTS);
    checkMode('elements()', options);
    this.key = key;
    this.options = { ...options };
  }

  eventNames() {
    return NAMES('update-end');
  }

  create(type, options = {}) {
    if (type !== 'payment') throw new IntegrationError(`The sandbox imitates the payment Element only, not '${type}'.`);
    if (this.#payment) throw new IntegrationError('Can only create one Element of type payment through an instance of Elements.');
    check('create()', options, PAYMENT);
    this.#payment = new PaymentElement(this, options);
    return this.#payment;
  }

  getElement(type) {
    return type === 'payment' ? this.#payment : null;
  }

  async update(options) {
    check('elements.update()', options, MODE_OPTIONS);
    const updated = { ...this.options, ...options };
    checkMode('elements.update()', updated);
    this.options = updated;
    this.#submitted = false;
    this.#payment?.refresh();
    this.emit('update-end');
  }

  async fetchUpdates() {
    return {};
  }

  async submit() {
    if (!this.#payment?.mounted) throw new IntegrationError('elements.submit(): there is no mounted Payment Element.');
    const result = await this.#payment.ask('validate');
    this.#submitted = !result.error;
    return result;
  }

  /** Throws unless submit() went well since the last change: the wallet or bank would refuse otherwise. */
  requireSubmitted(where) {
    if (!this.options.clientSecret && !this.#submitted) {
      throw new IntegrationError(`elements.submit() must be called, and must succeed, before ${where}.`);
    }
  }

  changed() {
    this.#submitted = false;
  }

  forget() {
    this.#payment = null;
  }
}
