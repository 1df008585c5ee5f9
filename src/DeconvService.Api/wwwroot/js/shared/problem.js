// An error where it belongs: the service's own sentences, and its suggestions as buttons that apply themselves.

import { element } from './dom.js';

/** Shows a problem, or with null takes it away. */
export function showProblem(place, problem, apply) {
  place.replaceChildren();
  place.hidden = problem === null;
  if (problem === null) return;

  const faults = problem.errors?.length ? problem.errors : [problem];
  for (const sentence of saidOnce(faults.map(fault => fault.detail ?? fault.title)))
    place.append(element('p', {}, sentence));

  const seen = new Set();
  const buttons = [];
  for (const suggestion of faults.flatMap(fault => fault.suggestions ?? [])) {
    const label = describe(suggestion);
    if (!apply || label === null || seen.has(label)) continue;
    seen.add(label);
    buttons.push(element('button', { type: 'button', className: 'suggestion', onclick: () => apply(suggestion) }, label));
  }

  if (buttons.length) place.append(element('div', { className: 'suggestions', role: 'group', ariaLabel: 'Suggestions of the service' }, ...buttons));
}

/** Sentences of the service about axes; what is true of a second axis, too, is not said twice. */
export function saidOnce(sentences) {
  const said = new Map();
  for (const sentence of sentences) {
    const axis = /^(width|height|depth)\b/.exec(sentence)?.[0] ?? '', rest = sentence.slice(axis.length);
    said.set(rest, (said.get(rest) ?? new Set()).add(axis));
  }

  return [...said].map(([rest, [first, ...others]]) => first + rest + others.map(axis => `, and so for the ${axis}`).join(''));
}

const same = value => Array.isArray(value) && value.every(item => JSON.stringify(item) === JSON.stringify(value[0]));

function short(value) {
  const one = same(value) ? value[0] : value;
  if (!Array.isArray(one)) return String(one);
  return same(one) && !Array.isArray(one[0]) ? String(one[0]) : JSON.stringify(one);
}

function describe(suggestion) {
  const change = ['padding', 'stride', 'kernel', 'fit', 'outputPadding', 'dilation'].find(name => name in suggestion);
  if (!change) return null;
  const names = { kernel: 'kernel', fit: 'fit', padding: 'padding', stride: 'stride', outputPadding: 'output padding', dilation: 'dilation' };
  const gives = suggestion.output === undefined ? '' : ` gives ${suggestion.output}`;
  const dropped = suggestion.dropped ? `, drops ${suggestion.dropped}` : '';
  return `${names[change]} ${short(suggestion[change])}${gives}${dropped}`;
}
