// The operator's token: asked for once, kept for this tab only, sent in a header and never in an address.

const KEY = 'fieldbid-token';
const listeners = new Set();

export const token = () => sessionStorage.getItem(KEY) ?? '';

export function setToken(text) {
  if (text === '') sessionStorage.removeItem(KEY);
  else sessionStorage.setItem(KEY, text);
  for (const listener of listeners) listener();
}

export const onToken = (listener) => void listeners.add(listener);

export function headers(more = {}) {
  return token() === '' ? more : { ...more, authorization: `Bearer ${token()}` };
}

/** A refusal of the server: its code, and a sentence. */
export class Refusal extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export async function ask(path, { method = 'GET', body } = {}) {
  const response = await fetch(path, {
    method,
    headers: headers(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  throw new Refusal(
    response.status,
    answer.code ?? 'UNEXPECTED',
    answer.message ?? `The server answered ${response.status}.`,
  );
}
