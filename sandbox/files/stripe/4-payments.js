// The Stripe object: confirming payments, next actions, looking payments up.

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
    const where = 'stripe.confirmPayment()';
    check(where, options, CONFIRM);
    const { elements, confirmParams = {}, redirect = 'always' } = options;
    const clientSecret = options.clientSecret || elements?.options.clientSecret;
    const id = intentOf(where, clientSecret);
    checkReturn(where, confirmParams.return_url, redirect);
    if (elements !== undefined && !(elements instanceof Elements)) {
      throw new IntegrationError(`Invalid value for ${where}: elements should be an object from stripe.elements().`);
    }
    const result = elements
      ? await this.#confirmTyped(where, elements, id, clientSecret, confirmParams)
      : await this.#confirmSaved(where, id, clientSecret, confirmParams);
    if (result.error) return result;
    const final = result.paymentIntent.status === 'requires_action' ? await this.#act(clientSecret, result.paymentIntent) : result;
    return finished(final, redirect, confirmParams.return_url);
  }

  async #confirmTyped(where, elements, id, clientSecret, confirmParams) {
    elements.requireSubmitted(where);
    const element = elements.getElement('payment');
    if (!element) throw new IntegrationError(`${where}: the elements have no Payment Element.`);
    requireHiddenFields(where, element.fields, confirmParams);
    const mismatch = await this.#mismatch(elements, id, clientSecret);
    if (mismatch) return { error: mismatch };
    return outcome(await element.ask('confirm', { id, clientSecret, confirmParams }));
  }

  /** The amount shown and the amount charged must be the same, or somebody is being misled. */
  async #mismatch(elements, id, clientSecret) {
    const found = await request(this.#key, 'GET', `payment_intents/${id}`, { client_secret: clientSecret });
    if (!found.ok) return found.body.error;
    const wanted = elements.options;
    if (wanted.clientSecret) return null;
    const pairs = {
      amount: wanted.amount,
      currency: wanted.currency,
      setup_future_usage: wanted.setupFutureUsage || wanted.setup_future_usage || null,
      capture_method: wanted.captureMethod || wanted.capture_method || 'automatic_async',
    };
    for (const [name, value] of Object.entries(pairs)) {
      if (found.body[name] !== value) {
        const message = `The ${name} given to elements (${value}) does not match the PaymentIntent's ${name} (${found.body[name]}).`;
        return { type: 'invalid_request_error', param: name, message };
      }
    }
    return null;
  }

  async #confirmSaved(where, id, clientSecret, confirmParams) {
    const fields = { client_secret: clientSecret, use_stripe_sdk: 'true' };
    for (const name of ['payment_method', 'confirmation_token', 'return_url']) {
      if (confirmParams[name]) fields[name] = confirmParams[name];
    }
    if (!fields.payment_method && !fields.confirmation_token) {
      throw new IntegrationError(`${where}: give elements, confirmParams.payment_method or confirmParams.confirmation_token.`);
    }
    return outcome(await request(this.#key, 'POST', `payment_intents/${id}/confirm`, fields));
  }

  async handleNextAction(options) {
    const where = 'stripe.handleNextAction()';
    check(where, options, { clientSecret: ANY, hashedValue: ANY });
    intentOf(where, options?.clientSecret);
    const found = await this.retrievePaymentIntent(options.clientSecret);
    if (found.error || found.paymentIntent.status !== 'requires_action') return found;
    return this.#act(options.clientSecret, found.paymentIntent);
  }

  async #act(clientSecret, intent) {
    const action = intent.next_action;
    if (action.type === 'redirect_to_url') {
      location.assign(action.redirect_to_url.url);
      return new Promise(() => {});
    }
    await challenge(this.#key, clientSecret, action);
    const found = await this.retrievePaymentIntent(clientSecret);
    if (found.error || found.paymentIntent.status !== 'requires_payment_method') return found;
    const { last_payment_error: failure } = found.paymentIntent;
    return { error: { ...failure, payment_intent: found.paymentIntent } };
  }

  async retrievePaymentIntent(clientSecret) {
    const id = intentOf('stripe.retrievePaymentIntent()', clientSecret);
    return outcome(await request(this.#key, 'GET', `payment_intents/${id}`, { client_secret: clientSecret }));
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

function outcome(reply) {
  return reply.ok ? { paymentIntent: reply.body } : { error: reply.body.error };
}

function finished(result, redirect, address) {
  if (result.error || redirect === 'if_required') return result;
  const target = new URL(address);
  target.searchParams.set('payment_intent', result.paymentIntent.id);
  target.searchParams.set('payment_intent_client_secret', result.paymentIntent.client_secret);
  target.searchParams.set('redirect_status', result.paymentIntent.status === 'succeeded' ? 'succeeded' : 'pending');
  location.assign(target);
  return new Promise(() => {});
}

window.Stripe = (key, options) => new StripeClient(key, options);
window.Stripe.version = 'endive-sandbox';
