// The card fields. Digits stay in this frame and go from here to the sandbox, never to the page.

import { COUNTRIES, POSTAL, brandOf, cvcProblem, digitsOf, expiryProblem, grouped, numberProblem, postalProblem } from './card-rules.js';
import { wear } from './card-look.js';
import { answer, reportHeight, tell } from './frame.js';

const by = (id) => document.getElementById(id);
const fields = {
  number: by('Field-numberInput'),
  expiry: by('Field-expiryInput'),
  cvc: by('Field-cvcInput'),
  country: by('Field-countryInput'),
  postalCode: by('Field-postalCodeInput'),
};
const typed = [fields.number, fields.expiry, fields.cvc, fields.postalCode];
const checks = {
  number: () => numberProblem(fields.number.value),
  expiry: () => expiryProblem(fields.expiry.value),
  cvc: () => cvcProblem(fields.cvc.value, brand()),
  postalCode: () => (by('postal-field').hidden ? null : postalProblem(fields.postalCode.value, fields.country.value)),
};
const AT_FIELD = { number: 'number', cvc: 'cvc', exp_month: 'expiry', exp_year: 'expiry' };
const state = { key: '', elements: {}, options: {}, said: '' };

const brand = () => brandOf(digitsOf(fields.number.value));

for (const [code, name] of COUNTRIES) fields.country.append(new Option(name, code));

function showProblem(name, problem) {
  by(`Field-${name}Error`).textContent = problem ? problem.message : '';
  if (problem) fields[name].setAttribute('aria-invalid', 'true');
  else fields[name].removeAttribute('aria-invalid');
}

/** Rewrites what was typed in groups, leaving the caret after the same digit as before. */
function reformat(input, format) {
  const before = digitsOf(input.value.slice(0, input.selectionStart)).length;
  const atEnd = input.selectionStart === input.value.length;
  const text = format(digitsOf(input.value));
  if (text === input.value) return;
  input.value = text;
  let place = text.length;
  if (!atEnd) {
    place = 0;
    for (let seen = 0; place < text.length && seen < before; place += 1) if (/\d/.test(text[place])) seen += 1;
  }
  input.setSelectionRange(place, place);
}

function expiryText(digits, erasing) {
  const padded = /^[2-9]$/.test(digits) ? `0${digits}` : digits;
  // "12/2030", as browsers fill it in, means 12/30.
  const short = padded.length === 6 && padded.slice(2, 4) === '20' ? padded.slice(0, 2) + padded.slice(4) : padded.slice(0, 4);
  if (short.length < 2 || (short.length === 2 && erasing)) return short;
  return `${short.slice(0, 2)} / ${short.slice(2)}`;
}

function onInput(event) {
  const { target } = event;
  const erasing = (event.inputType || '').startsWith('delete');
  if (target === fields.number) {
    reformat(target, (digits) => grouped(digits.slice(0, Math.max(...brandOf(digits).lengths)), brandOf(digits)));
    by('brand').textContent = brand().label;
  } else if (target === fields.expiry) reformat(target, (digits) => expiryText(digits, erasing));
  else if (target === fields.cvc) reformat(target, (digits) => digits.slice(0, brand().cvc));
  showProblem(target.name, null);
  sayChange();
}

function sayChange() {
  const complete = Object.values(checks).every((check) => !check());
  const empty = !fields.number.value && !fields.expiry.value && !fields.cvc.value;
  const country = fields.country.value;
  const address = { country, postalCode: fields.postalCode.value || null };
  const said = JSON.stringify([complete, empty, country, by('brand').textContent]);
  if (said === state.said) return;
  state.said = said;
  tell('change', { empty, complete, collapsed: false, value: { type: 'card', billingDetails: { address } } });
}

function onBlur({ target }) {
  if (typed.includes(target) && target.value) showProblem(target.name, checks[target.name]());
}

function arrangeCountry() {
  const rule = POSTAL[fields.country.value];
  const hidden = hides('postalCode') || !rule;
  by('country-field').hidden = hides('country');
  by('postal-field').hidden = hidden;
  by('country-field').classList.toggle('wide', hidden);
  by('postal-field').classList.toggle('wide', hides('country'));
  if (!rule) return;
  by('postal-label').textContent = rule.label;
  fields.postalCode.placeholder = rule.hint;
  fields.postalCode.inputMode = rule.mode;
}

/** Whether the page chose to ask for this part of the address itself. */
function hides(name) {
  const billing = state.options.fields?.billingDetails;
  const address = billing === 'never' ? 'never' : billing?.address;
  return address === 'never' || address?.[name] === 'never';
}

function apply({ elements, options }) {
  const first = !state.said;
  Object.assign(state, { elements, options });
  tell('scheme', { scheme: wear(elements.appearance) });
  const address = options.defaultValues?.billingDetails?.address;
  if (first && address) {
    if (COUNTRIES.some(([code]) => code === address.country)) fields.country.value = address.country;
    fields.postalCode.value = address.postal_code || '';
  }
  arrangeCountry();
  const saves = elements.mode === 'setup' || elements.setupFutureUsage || elements.setup_future_usage;
  by('terms').hidden = !saves || options.terms?.card === 'never';
  by('terms').textContent =
    `By providing your card information, you allow ${options.business?.name || 'this organization'} to charge your card ` +
    'for future payments in accordance with their terms.';
  for (const field of Object.values(fields)) field.disabled = Boolean(options.readOnly);
}

async function init(data) {
  state.key = data.key;
  const reply = await request('GET', 'elements/sessions', { type: 'deferred_intent' });
  if (!reply.ok) {
    tell('loaderror', { error: reply.body.error });
    return;
  }
  apply(data);
  by('card').hidden = false;
  tell('ready');
  sayChange();
}

function validate() {
  let first = null;
  for (const [name, check] of Object.entries(checks)) {
    const problem = check();
    showProblem(name, problem);
    first ||= problem && { name, problem };
  }
  if (!first) return { selectedPaymentMethod: 'card' };
  fields[first.name].focus();
  return { error: first.problem };
}

/** What goes to the sandbox: the card, and the address from here or from the page. */
function paymentMethod(extra = {}) {
  const [month, year] = fields.expiry.value.split('/').map((part) => part.trim());
  const data = {
    'payment_method_data[type]': 'card',
    'payment_method_data[card][number]': digitsOf(fields.number.value),
    'payment_method_data[card][exp_month]': month,
    'payment_method_data[card][exp_year]': year,
    'payment_method_data[card][cvc]': digitsOf(fields.cvc.value),
  };
  if (!hides('country')) data['payment_method_data[billing_details][address][country]'] = fields.country.value;
  if (!by('postal-field').hidden) data['payment_method_data[billing_details][address][postal_code]'] = fields.postalCode.value.trim();
  return Object.assign(data, flattened('payment_method_data', extra));
}

function flattened(prefix, value) {
  if (value === null || value === undefined) return {};
  if (typeof value !== 'object') return { [prefix]: String(value) };
  return Object.assign({}, ...Object.entries(value).map(([name, inner]) => flattened(`${prefix}[${name}]`, inner)));
}

async function confirm({ path, clientSecret, confirmParams }) {
  const { payment_method_data: extra, ...others } = confirmParams;
  const values = Object.assign({}, ...Object.entries(others).map(([name, value]) => flattened(name, value)));
  const reply = await request('POST', path, {
    ...paymentMethod(extra),
    ...values,
    client_secret: clientSecret,
    expected_payment_method_type: 'card',
    use_stripe_sdk: 'true',
  });
  const name = reply.ok ? null : AT_FIELD[reply.body.error.param];
  if (name) showProblem(name, reply.body.error);
  return reply;
}

const token = ({ params: { payment_method_data: extra, return_url: address } }) =>
  request('POST', 'confirmation_tokens', { ...paymentMethod(extra), ...(address ? { return_url: address } : {}) });

async function request(method, path, values) {
  const form = new URLSearchParams({ ...values, key: state.key });
  try {
    const address = `/v1/${path}${method === 'GET' ? `?${form}` : ''}`;
    const reply = await fetch(address, { method, body: method === 'GET' ? undefined : form });
    return { ok: reply.ok, body: await reply.json() };
  } catch {
    const message = 'An error occurred while connecting to the payment service. Please check your connection and try again.';
    return { ok: false, body: { error: { type: 'api_connection_error', message } } };
  }
}

function clear() {
  for (const field of typed) {
    field.value = '';
    showProblem(field.name, null);
  }
  by('brand').textContent = '';
  sayChange();
}

by('fields').addEventListener('input', onInput);
by('fields').addEventListener('focusout', onBlur);
by('fields').addEventListener('submit', (event) => event.preventDefault());
fields.country.addEventListener('change', () => {
  arrangeCountry();
  showProblem('postalCode', null);
  sayChange();
});
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') tell('escape');
  if (event.key === 'Enter' && event.target instanceof HTMLInputElement) {
    event.preventDefault();
    tell('enter');
  }
});
addEventListener('focus', () => tell('focus'));
addEventListener('blur', () => tell('blur'));
answer({
  init, validate, confirm, token, clear,
  update: apply,
  focus: () => fields.number.focus(),
  blur: () => document.activeElement?.blur(),
});
reportHeight(by('card'));
tell('waiting');
