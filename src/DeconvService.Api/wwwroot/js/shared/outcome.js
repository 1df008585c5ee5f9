// What a run gave: sizes, time and where it went, and the file.

import { bytes, duration, element } from './dom.js';

/** Shows the outcome of postPicture, or with null empties the place. facts: further [name, value] pairs. */
export function showOutcome(place, outcome, { before, after, file, facts = [] } = {}) {
  place.replaceChildren();
  if (outcome === null) return;
  const size = ({ width, height }) => `${width} × ${height}`;
  const pairs = [
    ...(after ? [['size', before ? `${size(before)} → ${size(after)}` : size(after)]] : []), ['file', bytes(outcome.blob.size)], ['time', duration(outcome.elapsed)],
    ...facts, ...(outcome.algorithm ? [['algorithm', outcome.algorithm]] : []),
  ];
  place.append(element('dl', { className: 'pairs' }, ...pairs.map(([name, value]) => element('div', {}, element('dt', {}, name), element('dd', {}, value)))));
  if (outcome.timing.length) place.append(...split(outcome));
  place.append(element('a', { className: 'button', href: file.address, download: file.name }, 'Download'));
}

/**
 * The time as a bar: the phases that the service counts, and what is left for the network and the browser. Tiles are encoded while others
 * are still computed; such phases take more than the whole together, and it is said that they overlap.
 */
function split({ timing, elapsed }) {
  const counted = timing.reduce((sum, phase) => sum + phase.milliseconds, 0);
  const phases = [...timing, { name: 'transfer', milliseconds: elapsed - counted }].filter(phase => phase.milliseconds >= 0.05);
  const bar = element('div', { className: 'split', ariaHidden: 'true' }, ...phases.map(({ name, milliseconds }) => {
    const part = element('span', { className: `part part-${name}`, title: `${name} ${duration(milliseconds)}` });
    part.style.flexGrow = milliseconds;
    return part;
  }));
  const legend = element('ul', { className: 'legend', ariaLabel: 'Where the time went' },
    ...phases.map(({ name, milliseconds }) => element('li', {}, element('i', { className: `part part-${name}` }), `${name} ${duration(milliseconds)}`)));
  if (counted > elapsed) legend.append(element('li', {}, 'which overlap in time'));
  return [bar, legend];
}
