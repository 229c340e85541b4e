// A page as an organisation would write it, to try the stand-in Stripe.js on.
const said = document.getElementById('said');
window.seen = [];

window.begin = ({ key, appearance, mode = 'payment', amount = 2500 }) => {
  const stripe = Stripe(key);
  const saves = mode === 'setup';
  const elements = stripe.elements({ mode, ...(saves ? {} : { amount }), currency: 'usd', appearance });
  const payment = elements.create('payment');
  for (const name of ['ready', 'change', 'loaderror', 'escape']) payment.on(name, (event) => window.seen.push([name, event]));
  payment.mount('#card');
  document.getElementById('form').addEventListener('submit', async (event) => {
    event.preventDefault();
    said.textContent = '';
    const { error: typed } = await elements.submit();
    if (typed) {
      said.textContent = `Typed: ${typed.message}`;
      return;
    }
    const { client_secret: clientSecret } = await (await fetch(saves ? '/setup' : '/intent', { method: 'POST' })).json();
    const result = await stripe[saves ? 'confirmSetup' : 'confirmPayment']({
      elements,
      clientSecret,
      confirmParams: { return_url: `${location.origin}/thanks` },
      redirect: 'if_required',
    });
    said.textContent = result.error ? `Error: ${result.error.message}` : `Status: ${(result.paymentIntent || result.setupIntent).status}`;
  });
  Object.assign(window, { stripe, elements, payment });
};

/** The name and text of what a call throws, or rejects with. */
window.refusal = async (call) => {
  try {
    await call();
  } catch (error) {
    return `${error.name}: ${error.message}`;
  }
  return 'nothing';
};
