// The live stream, read with fetch: an EventSource could not send the token in a header. Opened again when it breaks.
import { headers, onToken } from './access.js';

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 8000;
/** The server says something every 10 s. */
const SILENCE_MS = 25_000;

/** `onChanges(changes)` for each message; `onLink(state, text)` with `live`, `lost` or `token`. */
export function follow(onChanges, onLink) {
  let retry_ms = FIRST_RETRY_MS;
  let timer;
  let current;
  const again = (wait_ms) => {
    clearTimeout(timer);
    timer = setTimeout(open, wait_ms);
  };
  const open = async () => {
    current?.abort();
    const ending = new AbortController();
    current = ending;
    let silence = setTimeout(() => ending.abort(), SILENCE_MS);
    try {
      const response = await fetch('/events', {
        headers: headers(),
        signal: ending.signal,
        cache: 'no-store',
      });
      if (response.status === 401) {
        onLink('token', 'needs the operator’s token');
        return;
      }
      if (!response.ok || response.body === null) throw new Error(`the server answered ${response.status}`);
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      let text = '';
      for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
        clearTimeout(silence);
        silence = setTimeout(() => ending.abort(), SILENCE_MS);
        text += chunk.value;
        const messages = text.split('\n\n');
        text = messages.pop() ?? '';
        for (const message of messages) {
          const data = message.split('\n').find((line) => line.startsWith('data: '));
          if (data !== undefined) onChanges(JSON.parse(data.slice(6)));
        }
        onLink('live', 'live');
        retry_ms = FIRST_RETRY_MS;
      }
    } catch {
      // Said below, and tried again.
    } finally {
      clearTimeout(silence);
    }
    // Another connection has taken its place.
    if (current !== ending) return;
    onLink('lost', 'not connected, trying again');
    again(retry_ms);
    retry_ms = Math.min(LONGEST_RETRY_MS, retry_ms * 2);
  };
  onToken(() => again(0));
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible' && current?.signal.aborted) again(0);
  });
  open();
}
