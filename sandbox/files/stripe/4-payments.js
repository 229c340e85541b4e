// The Stripe object: confirming payments and saved cards, next actions, looking intents up.

const HIDDEN_FIELDS = { postalCode: 'postal_code', country: 'country' };

class StripeClient {
  #key;

  constructor(key, options) {
    if (typeof key !== 'string' || !key) throw new IntegrationError('Missing value for Stripe(): apiKey should be a string.');
    if (/^[sr]k_/.test(key)) throw new IntegrationError('You should not use your secret key with Stripe.js. Please pass a publishable key instead.');
    if (!key.startsWith('pk_')) throw new IntegrationError('Invalid value for Stripe(): apiKey should be a publishable key.');
    check('Stripe()', options, STRIPE);
    this.#key = key;
  }

  elements(options = {}) {
    return new Elements(this.#key, options);
  }

  async confirmPayment(options) {
    check('stripe.confirmPayment()', options, CONFIRM);
    return this.#confirm('stripe.confirmPayment()', options, PAYMENTS);
  }

  async confirmSetup(options) {
    check('stripe.confirmSetup()', options, SETUP);
    return this.#confirm('stripe.confirmSetup()', options, SETUPS);
  }

  /** With a saved card, or the one that the intent has already; the card Element is not imitated. */
  async confirmCardPayment(clientSecret, data = {}, options = {}) {
    const where = 'stripe.confirmCardPayment()';
    check(where, data, CARD_PAYMENT);
    check(where, options, { handleActions: ANY });
    const intent = intentOf(where, clientSecret, PAYMENTS);
    if (data.payment_method !== undefined && typeof data.payment_method !== 'string') {
      throw new IntegrationError(`${where}: the sandbox takes the id of a saved payment method only.`);
    }
    const result = await this.#confirmSaved(intent, clientSecret, data);
    const stops = options.handleActions === false || result.error || result.paymentIntent.status !== 'requires_action';
    return stops ? result : this.#act(intent.kind, clientSecret, result.paymentIntent);
  }

  async #confirm(where, options, wanted) {
    const { elements, confirmParams = {}, redirect = 'always' } = options;
    const clientSecret = options.clientSecret || elements?.options.clientSecret;
    const intent = intentOf(where, clientSecret, wanted);
    checkReturn(where, confirmParams.return_url, redirect);
    if (elements !== undefined && !(elements instanceof Elements)) {
      throw new IntegrationError(`Invalid value for ${where}: elements should be an object from stripe.elements().`);
    }
    if (!elements && !confirmParams.payment_method && !confirmParams.confirmation_token) {
      throw new IntegrationError(`${where}: give elements, confirmParams.payment_method or confirmParams.confirmation_token.`);
    }
    const result = elements
      ? await this.#confirmTyped(where, elements, intent, clientSecret, confirmParams)
      : await this.#confirmSaved(intent, clientSecret, confirmParams);
    if (result.error) return result;
    const { kind } = intent;
    const confirmed = result[kind.result];
    const final = confirmed.status === 'requires_action' ? await this.#act(kind, clientSecret, confirmed) : result;
    return finished(kind, final, redirect, confirmParams.return_url);
  }

  async #confirmTyped(where, elements, { id, kind }, clientSecret, confirmParams) {
    const mode = kind === SETUPS ? 'setup' : 'payment';
    if (elements.options.mode && elements.options.mode !== mode) {
      throw new IntegrationError(`${where}: the elements were made with mode: '${elements.options.mode}'.`);
    }
    elements.requireSubmitted(where);
    const element = elements.getElement('payment');
    if (!element) throw new IntegrationError(`${where}: the elements have no Payment Element.`);
    requireHiddenFields(where, element.fields, confirmParams);
    const mismatch = await this.#mismatch(elements, { id, kind }, clientSecret);
    if (mismatch) return { error: mismatch };
    return outcome(kind, await element.ask('confirm', { path: `${kind.path}/${id}/confirm`, clientSecret, confirmParams }));
  }

  /** The amount shown and the amount charged must be the same, or somebody is being misled. */
  async #mismatch(elements, { id, kind }, clientSecret) {
    const found = await request(this.#key, 'GET', `${kind.path}/${id}`, { client_secret: clientSecret });
    if (!found.ok) return found.body.error;
    const wanted = elements.options;
    if (wanted.clientSecret) return null;
    const usage = wanted.setupFutureUsage || wanted.setup_future_usage;
    const pairs = kind === SETUPS ? { usage: usage || 'off_session' } : {
      amount: wanted.amount,
      currency: wanted.currency,
      setup_future_usage: usage || null,
      capture_method: wanted.captureMethod || wanted.capture_method || 'automatic_async',
    };
    for (const [name, value] of Object.entries(pairs)) {
      if (found.body[name] !== value) {
        const message = `The ${name} given to elements (${value}) does not match the ${kind === SETUPS ? 'SetupIntent' : 'PaymentIntent'}'s ${name} (${found.body[name]}).`;
        return { type: 'invalid_request_error', param: name, message };
      }
    }
    return null;
  }

  async #confirmSaved({ id, kind }, clientSecret, confirmParams) {
    const fields = { client_secret: clientSecret, use_stripe_sdk: 'true' };
    for (const name of ['payment_method', 'confirmation_token', 'return_url']) {
      if (confirmParams[name]) fields[name] = confirmParams[name];
    }
    return outcome(kind, await request(this.#key, 'POST', `${kind.path}/${id}/confirm`, fields));
  }

  async handleNextAction(options) {
    const where = 'stripe.handleNextAction()';
    check(where, options, { clientSecret: ANY, hashedValue: ANY });
    const { kind } = intentOf(where, options?.clientSecret, PAYMENTS, SETUPS);
    const found = await this.#retrieve(where, options.clientSecret, kind);
    if (found.error || found[kind.result].status !== 'requires_action') return found;
    return this.#act(kind, options.clientSecret, found[kind.result]);
  }

  async #act(kind, clientSecret, intent) {
    const action = intent.next_action;
    if (action.type === 'redirect_to_url') {
      location.assign(action.redirect_to_url.url);
      return new Promise(() => {});
    }
    await challenge(this.#key, clientSecret, action);
    const found = await this.#retrieve('stripe.handleNextAction()', clientSecret, kind);
    const after = found[kind.result];
    if (found.error || after.status !== 'requires_payment_method') return found;
    return { error: { ...after[kind.failure], [kind.query]: after } };
  }

  async retrievePaymentIntent(clientSecret) {
    return this.#retrieve('stripe.retrievePaymentIntent()', clientSecret, PAYMENTS);
  }

  async retrieveSetupIntent(clientSecret) {
    return this.#retrieve('stripe.retrieveSetupIntent()', clientSecret, SETUPS);
  }

  async #retrieve(where, clientSecret, kind) {
    const { id } = intentOf(where, clientSecret, kind);
    return outcome(kind, await request(this.#key, 'GET', `${kind.path}/${id}`, { client_secret: clientSecret }));
  }

  async createConfirmationToken(options) {
    const where = 'stripe.createConfirmationToken()';
    check(where, options, { elements: ANY, params: { payment_method_data: CONFIRM_PARAMS.payment_method_data, return_url: ANY, shipping: ANY } });
    if (!(options?.elements instanceof Elements)) throw new IntegrationError(`Missing value for ${where}: elements.`);
    options.elements.requireSubmitted(where);
    const element = options.elements.getElement('payment');
    requireHiddenFields(where, element.fields, options.params || {});
    const reply = await element.ask('token', { params: options.params || {} });
    return reply.ok ? { confirmationToken: reply.body } : { error: reply.body.error };
  }

  registerAppInfo() {}

  _registerWrapper() {}
}

function checkReturn(where, address, redirect) {
  if (!address) {
    if (redirect === 'always') throw new IntegrationError(`Missing value for ${where}: confirmParams.return_url.`);
    return;
  }
  if (!URL.canParse(address) || !/^https?:$/.test(new URL(address).protocol)) {
    throw new IntegrationError(`Invalid value for ${where}: confirmParams.return_url must be a complete address such as https://example.org/done.`);
  }
}

/** Fields that the page chose to hide must come from the page. */
function requireHiddenFields(where, fields, params) {
  const billing = fields.billingDetails;
  const address = billing === 'never' ? 'never' : billing?.address;
  for (const [field, name] of Object.entries(HIDDEN_FIELDS)) {
    if (address !== 'never' && address?.[field] !== 'never') continue;
    const given = params.payment_method_data?.billing_details?.address?.[name];
    if (given === undefined) {
      throw new IntegrationError(
        `You specified "never" for fields.billing_details.address.${name} when creating the payment Element, but did not ` +
          `pass params.payment_method_data.billing_details.address.${name} when calling ${where}.`,
      );
    }
  }
}

function outcome(kind, reply) {
  return reply.ok ? { [kind.result]: reply.body } : { error: reply.body.error };
}

function finished(kind, result, redirect, address) {
  if (result.error || redirect === 'if_required') return result;
  const target = new URL(address);
  const intent = result[kind.result];
  target.searchParams.set(kind.query, intent.id);
  target.searchParams.set(`${kind.query}_client_secret`, intent.client_secret);
  target.searchParams.set('redirect_status', intent.status === 'succeeded' ? 'succeeded' : 'pending');
  location.assign(target);
  return new Promise(() => {});
}

window.Stripe = (key, options) => new StripeClient(key, options);
window.Stripe.version = 'endive-sandbox';
