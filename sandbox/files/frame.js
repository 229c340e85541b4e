// Both frames talk to the page that holds them through here; messages of any other window or origin are not heard.

const given = new URLSearchParams(location.hash.slice(1));
const parentOrigin = given.get('parent') || '';
const frameId = given.get('id') || '';

export function tell(event, data = {}) {
  if (parentOrigin && window.parent !== window) window.parent.postMessage({ frame: frameId, event, data }, parentOrigin);
}

/** `handlers[name](data)` answers a call; what it returns, or resolves to, is sent back. */
export function answer(handlers) {
  addEventListener('message', async (event) => {
    if (event.origin !== parentOrigin || event.source !== window.parent) return;
    const message = event.data;
    if (!message || message.frame !== frameId || !Object.hasOwn(handlers, message.name)) return;
    const data = await handlers[message.name](message.data);
    window.parent.postMessage({ frame: frameId, reply: message.call, data: data ?? {} }, parentOrigin);
  });
}

/** Keeps the page told how tall this frame's content is. */
export function reportHeight(element) {
  new ResizeObserver(() => tell('height', { height: Math.ceil(element.getBoundingClientRect().height) })).observe(element);
}
