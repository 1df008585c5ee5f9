// The public API, called as any client would call it. Addresses are relative, so the page also works behind a path.

/** The address of the service, as a command line needs it. */
export const origin = () => location.href.split(/[?#]/)[0].replace(/\/(index\.html)?$/, '');

/** What the service answered instead of a result: its problem+json, or a sentence of our own if it did not answer. */
export class ServiceProblem extends Error {
  constructor(problem) {
    super(problem.detail ?? problem.title ?? 'The service refused the call.');
    this.problem = problem;
  }
}

/** Sends a request and returns the response, or throws a ServiceProblem. An abort stays an abort. */
export async function call(path, options = {}) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ServiceProblem({ title: 'No answer', detail: 'The service does not answer. Is it still running?' });
  }

  if (response.ok) return response;
  let problem = {};
  try {
    problem = await response.json();
  } catch { /* not from the service: the status has to do */ }

  throw new ServiceProblem({ status: response.status, detail: `The answer was ${response.status} ${response.statusText}`, ...problem });
}

/** Posts JSON and returns the answer's JSON. */
export async function postJson(path, body, signal) {
  const headers = { 'Content-Type': 'application/json', Accept: 'application/json' };
  return (await call(path, { method: 'POST', headers, body: JSON.stringify(body), signal })).json();
}

/** Gets JSON. */
export const getJson = async (path, signal) => (await call(path, { headers: { Accept: 'application/json' }, signal })).json();

/** Posts a picture and returns the one that comes back, with what the headers say of it. */
export async function postPicture(path, picture, { signal, id } = {}) {
  const headers = { 'Content-Type': picture.type || 'application/octet-stream', Accept: 'image/png' };
  if (id) headers['X-Request-Id'] = id;
  const began = performance.now();
  const response = await call(path, { method: 'POST', headers, body: picture, signal });
  const blob = await response.blob();
  return {
    blob,
    elapsed: performance.now() - began,
    timing: serverTiming(response.headers.get('Server-Timing')),
    algorithm: response.headers.get('Deconv-Algorithm'),
    tiles: response.headers.get('Deconv-Tiles'),
  };
}

/** The phases of a Server-Timing header, in milliseconds. */
export function serverTiming(header) {
  return (header ?? '').split(',').map(part => {
    const [name, ...facts] = part.trim().split(';');
    const time = facts.find(fact => fact.trim().startsWith('dur='));
    return { name, milliseconds: time ? Number(time.trim().slice(4)) : 0 };
  }).filter(phase => phase.name !== '');
}
