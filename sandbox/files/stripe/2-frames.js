// Frames of the sandbox's own origin, and messages to and from them with their origin checked.

let frameCount = 0;

class Frame {
  /** `onEvent(name, data)` is called for whatever the frame says by itself. */
  constructor(file, title, onEvent) {
    frameCount += 1;
    this.id = `frame${frameCount}`;
    this.calls = new Map();
    this.nextCall = 1;
    this.onEvent = onEvent;
    this.element = document.createElement('iframe');
    this.element.title = title;
    this.element.name = `__privateStripeFrame${frameCount}`;
    this.element.allow = 'payment *; publickey-credentials-get *';
    this.element.src = `${ORIGIN}/js/${file}#${new URLSearchParams({ id: this.id, parent: location.origin })}`;
    this.listener = (event) => this.receive(event);
    addEventListener('message', this.listener);
  }

  receive(event) {
    if (event.origin !== ORIGIN || event.source !== this.element.contentWindow) return;
    const message = event.data;
    if (!message || message.frame !== this.id) return;
    if (message.reply) {
      const resolve = this.calls.get(message.reply);
      this.calls.delete(message.reply);
      if (resolve) resolve(message.data);
    } else {
      this.onEvent(message.event, message.data);
    }
  }

  /** Asks the frame to do something; resolves with its answer. */
  call(name, data = {}) {
    const number = this.nextCall++;
    return new Promise((resolve) => {
      this.calls.set(number, resolve);
      this.element.contentWindow.postMessage({ frame: this.id, call: number, name, data }, ORIGIN);
    });
  }

  remove() {
    removeEventListener('message', this.listener);
    this.element.remove();
  }
}

const CONNECTION_ERROR = {
  type: 'api_connection_error',
  message: 'An error occurred while connecting to the payment service. Please check your connection and try again.',
};

/** One request to the API with the publishable key: {ok, body}; never throws. */
async function request(key, method, path, fields = {}) {
  const form = new URLSearchParams({ ...fields, key });
  const address = `${ORIGIN}/v1/${path}${method === 'GET' ? `?${form}` : ''}`;
  try {
    const reply = await fetch(address, { method, body: method === 'GET' ? undefined : form });
    return { ok: reply.ok, body: await reply.json() };
  } catch {
    return { ok: false, body: { error: CONNECTION_ERROR } };
  }
}

/** Shows the bank's page in a modal dialog; resolves when the supporter has answered, focus going back to where it was. */
function challenge(key, clientSecret, nextAction) {
  return new Promise((resolve) => {
    const before = document.activeElement;
    const dialog = document.createElement('dialog');
    const done = () => {
      frame.remove();
      dialog.close();
      dialog.remove();
      if (before instanceof HTMLElement) before.focus();
      resolve();
    };
    const frame = new Frame('three-ds.html', 'Card authentication by your bank', (name, data) => {
      if (name === 'ready') frame.call('init', { clientSecret, source: nextAction.use_stripe_sdk.source });
      if (name === 'height') frame.element.style.height = `${data.height}px`;
      if (name === 'done') done();
    });
    dialog.setAttribute('aria-label', 'Card authentication');
    Object.assign(dialog.style, {
      width: 'min(420px, calc(100vw - 32px))', padding: '0', border: '0', borderRadius: '12px', overflow: 'hidden',
      background: '#ffffff', boxShadow: '0 12px 48px rgba(0, 0, 0, 0.4)', colorScheme: 'light',
    });
    Object.assign(frame.element.style, { display: 'block', width: '100%', height: '320px', border: '0', colorScheme: 'light' });
    dialog.addEventListener('cancel', (event) => {
      event.preventDefault();
      frame.call('cancel');
    });
    dialog.append(frame.element);
    document.body.append(dialog);
    dialog.showModal();
    frame.element.focus();
  });
}
