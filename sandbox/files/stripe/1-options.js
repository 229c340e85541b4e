// What the real library takes, by name, from @stripe/stripe-js 10.2.1; everything else is refused loudly,
// so that no page can come to depend on something that only this stand-in has.

class IntegrationError extends Error {
  constructor(message) {
    super(message);
    this.name = 'IntegrationError';
    console.error(`[Stripe.js, sandbox] ${message}`);
  }
}

const NAMES = (text) => new Set(text.trim().split(/\s+/));
const ANY = null;
const ADDRESS = { city: ANY, country: ANY, line1: ANY, line2: ANY, postal_code: ANY, state: ANY };
const BILLING = { name: ANY, email: ANY, phone: ANY, tax_id: ANY, address: ADDRESS };
const VARIABLES = NAMES(`
  fontFamily fontSmooth fontVariantLigatures fontVariationSettings fontLineHeight fontSizeBase fontSizeSm fontSizeXs
  fontSize2Xs fontSize3Xs fontSizeLg fontSizeXl fontWeightLight fontWeightNormal fontWeightMedium fontWeightBold
  spacingUnit gridRowSpacing gridColumnSpacing tabSpacing accordionItemSpacing spacingGridRow spacingGridColumn
  spacingTab spacingAccordionItem accordionItemLabelColorText accordionItemLabelFontSize accordionItemLabelFontWeight
  accordionItemLabelSelectedColorText accordionItemLabelSelectedFontWeight accordionItemTriggerColor
  accordionItemTriggerSelectedColor accordionItemTriggerHoverColor colorPrimary colorBackground colorText colorSuccess
  colorDanger colorWarning buttonBoxShadow buttonColorBackground buttonColorText buttonFontSize buttonFontWeight
  buttonPadding colorTextSecondary colorTextPlaceholder accessibleColorOnColorPrimary accessibleColorOnColorBackground
  accessibleColorOnColorSuccess accessibleColorOnColorDanger accessibleColorOnColorWarning colorPrimaryText
  colorBackgroundText colorSuccessText colorDangerText colorWarningText iconColor iconHoverColor iconCardErrorColor
  iconCardCvcColor iconCardCvcErrorColor iconCheckmarkColor iconChevronDownColor iconChevronDownHoverColor
  iconCloseColor iconCloseHoverColor iconLoadingIndicatorColor iconMenuColor iconMenuHoverColor iconPasscodeDeviceColor
  iconPasscodeDeviceHoverColor iconPasscodeDeviceNotificationColor iconRedirectColor colorIcon colorIconHover
  colorIconCardError colorIconCardCvc colorIconCardCvcError colorIconCheckmark colorIconChevronDown
  colorIconChevronDownHover colorIconRedirect tabIconColor tabIconHoverColor tabIconSelectedColor tabIconMoreColor
  tabIconMoreHoverColor colorIconTab colorIconTabHover colorIconTabSelected colorIconTabMore colorIconTabMoreHover
  logoColor tabLogoColor tabLogoSelectedColor blockLogoColor colorLogo colorLogoTab colorLogoTabSelected colorLogoBlock
  focusBoxShadow focusOutline inputBoxShadow inputColorBorder inputFocusBoxShadow inputFocusColorBorder labelColorText
  labelFontSize labelFontWeight labelSpacing buttonBorderRadius buttonExpressCheckoutBorderRadius borderRadius
`);
const APPEARANCE = {
  disableAnimations: ANY,
  theme: NAMES('stripe night flat'),
  variables: Object.fromEntries([...VARIABLES].map((name) => [name, ANY])),
  rules: ANY,
  labels: NAMES('auto above floating'),
  inputs: NAMES('spaced condensed'),
};
const MODE_OPTIONS = {
  mode: NAMES('payment setup subscription'),
  amount: ANY,
  currency: ANY,
  setupFutureUsage: NAMES('off_session on_session'),
  setup_future_usage: NAMES('off_session on_session'),
  captureMethod: NAMES('manual automatic automatic_async'),
  capture_method: NAMES('manual automatic automatic_async'),
  excludedPaymentMethodTypes: ANY,
  allowedPaymentMethodTypes: ANY,
  paymentMethodConfiguration: ANY,
  payment_method_configuration: ANY,
  onBehalfOf: ANY,
  on_behalf_of: ANY,
  customerSessionClientSecret: ANY,
  customPaymentMethods: ANY,
  locale: ANY,
  fonts: ANY,
  appearance: APPEARANCE,
};
const ELEMENTS = {
  ...MODE_OPTIONS,
  clientSecret: ANY,
  loader: NAMES('auto always never'),
  customerOptions: ANY,
  syncAddressCheckbox: NAMES('billing shipping none'),
  paymentMethodCreation: NAMES('manual'),
  paymentMethodOptions: ANY,
  payment_method_options: ANY,
  externalPaymentMethodTypes: ANY,
  adaptivePricing: ANY,
};
const PAYMENT_UPDATE = {
  defaultValues: { billingDetails: BILLING, card: ANY },
  business: { name: ANY },
  paymentMethodOrder: ANY,
  fields: ANY,
  readOnly: ANY,
  terms: ANY,
  layout: ANY,
  applePay: ANY,
  walletOptions: ANY,
};
const PAYMENT = { ...PAYMENT_UPDATE, wallets: ANY };
const CONFIRM_PARAMS = {
  return_url: ANY,
  payment_method_data: { billing_details: BILLING, allow_redisplay: ANY, metadata: ANY },
  confirmation_token: ANY,
  payment_method: ANY,
  payment_method_options: ANY,
  expand: ANY,
  shipping: ANY,
  receipt_email: ANY,
  mandate: ANY,
  mandate_data: ANY,
  setup_future_usage: NAMES('off_session on_session'),
};
const CONFIRM = {
  elements: ANY,
  clientSecret: ANY,
  confirmParams: CONFIRM_PARAMS,
  redirect: NAMES('always if_required'),
};
const SETUP = {
  elements: ANY,
  clientSecret: ANY,
  confirmParams: {
    return_url: ANY,
    payment_method_data: CONFIRM_PARAMS.payment_method_data,
    confirmation_token: ANY,
    payment_method: ANY,
    expand: ANY,
    mandate_data: ANY,
  },
  redirect: NAMES('always if_required'),
};
const CARD_PAYMENT = {
  payment_method: ANY,
  shipping: ANY,
  return_url: ANY,
  receipt_email: ANY,
  setup_future_usage: NAMES('off_session on_session'),
  payment_method_options: ANY,
};
const STRIPE = { stripeAccount: ANY, apiVersion: ANY, locale: ANY, betas: ANY, developerTools: ANY };

/** Throws an IntegrationError when a name or a listed value is not one of the library's. */
function check(where, given, known, path = '') {
  if (given === undefined || given === null) return;
  if (typeof given !== 'object') throw new IntegrationError(`Invalid value for ${where}: ${path || 'options'} should be an object.`);
  for (const [name, value] of Object.entries(given)) {
    const full = path ? `${path}.${name}` : name;
    if (!(name in known)) throw new IntegrationError(`Unrecognized ${where} parameter: ${full} is not a recognized parameter.`);
    const rule = known[name];
    if (rule instanceof Set) {
      if (value !== undefined && value !== null && !rule.has(value)) {
        throw new IntegrationError(`Invalid value for ${where}: ${full} should be one of ${[...rule].join(', ')}. You specified: ${value}.`);
      }
    } else if (rule !== ANY) {
      check(where, value, rule, full);
    }
  }
}

/** Throws unless the options say what is to be paid, as the library demands. */
function checkMode(where, options) {
  if (options.clientSecret) {
    if (options.mode) throw new IntegrationError(`Invalid value for ${where}: give either clientSecret or mode, not both.`);
    return;
  }
  if (!options.mode) throw new IntegrationError(`Invalid value for ${where}: mode should be payment, setup or subscription.`);
  if (options.mode === 'subscription') throw new IntegrationError(`The sandbox imitates mode: 'payment' and 'setup' only, not 'subscription'.`);
  if (!/^[a-z]{3}$/.test(options.currency || '')) {
    throw new IntegrationError(`Invalid value for ${where}: currency should be a lowercase three-letter code.`);
  }
  if (options.mode === 'setup') {
    if (options.amount !== undefined) throw new IntegrationError(`Invalid value for ${where}: amount has no meaning in mode: 'setup'.`);
    return;
  }
  if (!Number.isInteger(options.amount)) throw new IntegrationError(`Invalid value for ${where}: amount should be an integer in minor units.`);
  if (options.amount < 1) throw new IntegrationError(`Invalid value for ${where}: amount must be greater than 0.`);
}

/** The two kinds of intent: where the API has them, what results call them, and what their addresses say. */
const PAYMENTS = { prefix: 'pi', path: 'payment_intents', result: 'paymentIntent', query: 'payment_intent', failure: 'last_payment_error' };
const SETUPS = { prefix: 'seti', path: 'setup_intents', result: 'setupIntent', query: 'setup_intent', failure: 'last_setup_error' };

/** The id and the kind of an intent, from its client secret. */
function intentOf(where, clientSecret, ...kinds) {
  const found = typeof clientSecret === 'string' && clientSecret.match(/^((pi|seti)_[A-Za-z0-9]+)_secret_[A-Za-z0-9]+$/);
  const kind = found && kinds.find((other) => other.prefix === found[2]);
  if (!kind) {
    throw new IntegrationError(
      `Invalid value for ${where}: clientSecret should be a client secret of the form ` +
        `\${id}_secret_\${secret}. You specified: ${clientSecret}.`,
    );
  }
  return { id: found[1], kind };
}
