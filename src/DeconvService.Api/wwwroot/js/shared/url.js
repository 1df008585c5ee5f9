// What one sees is in the address: ?view=arithmetic&op=conv&...

import { debounce } from './dom.js';

let pending = null;

/** The parameters of the address. */
export const read = () => new URLSearchParams(location.search);

/** Writes the state of a view into the address, soon: browsers limit how often an address may change. */
export function write(view, entries) {
  pending = address(view, entries);
  later();
}

/** The address of a view in a state; what is undefined or empty is left out. */
export function address(view, entries = {}) {
  const parameters = new URLSearchParams({ view });
  for (const [name, value] of Object.entries(entries))
    if (value !== undefined && value !== null && value !== '') parameters.set(name, value);

  // Commas and brackets may stand in a query as they are, and read better so.
  return `?${parameters.toString().replaceAll('%2C', ',').replaceAll('%5B', '[').replaceAll('%5D', ']')}`;
}

/** Goes to another view, with an entry in the history. */
export function go(to) {
  flush();
  history.pushState(null, '', to);
}

function flush() {
  if (pending !== null) history.replaceState(null, '', pending);
  pending = null;
}

const later = debounce(150, flush);
