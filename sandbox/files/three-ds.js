// The bank's question. In a frame it tells the page when it was answered; opened as a page it goes back to the return address.

import { answer, reportHeight, tell } from './frame.js';

const query = new URLSearchParams(location.search);
const asked = { source: query.get('source'), client_secret: query.get('client_secret') };
const by = (id) => document.getElementById(id);
const buttons = [by('complete'), by('fail')];

async function send(passed) {
  for (const button of buttons) button.disabled = true;
  const reply = await fetch('/js/three-ds', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ ...asked, passed }),
  }).catch(() => null);
  if (!reply?.ok) {
    for (const button of buttons) button.disabled = false;
    by('trouble').textContent = 'The bank could not be reached. Please try again.';
    return;
  }
  const { return_url: address } = await reply.json();
  if (window.parent !== window) tell('done');
  else if (address) location.assign(address);
}

async function show() {
  const reply = await fetch(`/js/three-ds?${new URLSearchParams(asked)}`);
  if (reply.ok) by('question').textContent = (await reply.json()).question;
}

by('complete').addEventListener('click', () => send(true));
by('fail').addEventListener('click', () => send(false));
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') send(false);
});
answer({
  init: async ({ clientSecret, source }) => {
    Object.assign(asked, { client_secret: clientSecret, source });
    by('complete').focus();
    await show();
  },
  cancel: () => send(false),
});
reportHeight(by('challenge'));
if (window.parent === window) show();
else tell('ready');
