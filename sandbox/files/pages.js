// Buttons that ask the control panel, a mailbox that refreshes itself, and messages shown at their full height.

for (const button of document.querySelectorAll('button[data-path]')) {
  button.addEventListener('click', async () => {
    const { method, path, body } = button.dataset;
    const options = body ? { method, body, headers: { 'Content-Type': 'application/json' } } : { method };
    const reply = await fetch(path, options).catch(() => null);
    if (reply?.ok) location.reload();
    else document.getElementById('trouble')?.append('The sandbox did not do that. Is it still running?');
  });
}

const list = document.querySelector('[data-latest]');
if (list) {
  setInterval(async () => {
    if (document.hidden) return;
    const reply = await fetch('/mail/latest').catch(() => null);
    if (reply?.ok && String((await reply.json()).latest) !== list.dataset.latest) location.reload();
  }, 2000);
}

const frame = document.querySelector('iframe.mail');
if (frame) {
  const fit = () => {
    const height = frame.contentDocument?.documentElement?.scrollHeight;
    if (height) frame.style.height = `${height + 2}px`;
  };
  frame.addEventListener('load', fit);
  addEventListener('resize', fit);
  fit();
}
