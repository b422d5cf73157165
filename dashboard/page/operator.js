// The operator's token: asked for once, tried, and kept for this tab.
import { ask, onToken, setToken, token } from './access.js';
import { $, say } from './dom.js';

export function start() {
  const form = $('token-form');
  const button = $('operator');
  const shown = () => say(button, token() === '' ? 'Operator…' : 'Operator ✓');
  shown();
  onToken(shown);
  button.addEventListener('click', () => {
    form.hidden = !form.hidden;
    button.setAttribute('aria-expanded', String(!form.hidden));
    if (!form.hidden) $('token').focus();
  });
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const before = token();
    const given = $('token').value.trim();
    if (given === '') return;
    setToken(given);
    $('token').value = '';
    try {
      const { token: good } = await ask('/api/access');
      if (good) {
        say($('token-said'), 'Taken.', 'good');
        form.hidden = true;
        button.setAttribute('aria-expanded', 'false');
        button.focus();
        return;
      }
      say($('token-said'), 'That is not the token.', 'bad');
    } catch (error) {
      say(
        $('token-said'),
        error.code === 'UNAUTHENTICATED' ? 'That is not the token.' : error.message,
        'bad',
      );
    }
    setToken(before);
  });
  $('token-forget').addEventListener('click', () => {
    setToken('');
    say($('token-said'), 'Forgotten.', 'quiet');
  });
}
