// The controls of the arithmetic view: choices as radio buttons, numbers with a button at each side.

import { element } from '../shared/dom.js';
import { fields } from './state.js';

/** A row of radio buttons that looks like one switch. options: [[value, label], ...]. */
export function segmented(name, legend, options, changed) {
  const inputs = new Map();
  const labels = options.map(([value, text]) => {
    const input = element('input', { type: 'radio', name, value, onchange: () => changed(value) });
    inputs.set(value, input);
    return element('label', {}, input, element('span', {}, text));
  });
  const root = element('fieldset', { className: 'segmented' }, element('legend', { className: 'visually-hidden' }, legend), ...labels);
  return { root, show: value => { inputs.get(value).checked = true; }, enable: yes => { root.disabled = !yes; } };
}

/** A number with a minus and a plus. */
export function stepper(label, { least, most, name }, changed) {
  const input = element('input', { type: 'number', min: String(least), max: String(most), step: '1', inputMode: 'numeric', ariaLabel: label, id: name });
  const set = value => {
    const number = Math.min(most, Math.max(least, Math.round(Number(value))));
    if (!Number.isFinite(number)) return;
    input.value = number;
    update();
    changed(number);
  };
  const button = (text, by, what) => element('button', { type: 'button', tabIndex: -1, ariaLabel: `${label}: ${what}`, onclick: () => set(Number(input.value) + by) }, text);
  const less = button('−', -1, 'one less'), more = button('+', 1, 'one more');
  const update = () => { less.disabled = input.disabled || Number(input.value) <= least; more.disabled = input.disabled || Number(input.value) >= most; };
  input.addEventListener('input', () => { if (input.value !== '' && input.validity.valid) set(input.value); });
  input.addEventListener('change', () => set(input.value === '' ? least : input.value));
  return {
    root: element('div', { className: 'stepper' }, less, input, more),
    show: (value, enabled) => { if (document.activeElement !== input || Number(input.value) !== value) input.value = value; input.disabled = !enabled; update(); },
  };
}

/** The table of numbers: a row for each field, a column for each axis. */
export function numberTable(place, changed) {
  const rows = fields.map(field => {
    const steppers = ['height', 'width'].map(axis =>
      stepper(`${field.label}, ${axis}`, { ...field, name: `${field.name}-${axis}` }, value => changed(field.name, axis, value)));
    const root = element('div', { className: 'row', role: 'group', ariaLabel: field.label }, element('span', { className: 'row-label' }, field.label), ...steppers.map(item => item.root));
    place.append(root);
    return { field, root, steppers };
  });

  return state => {
    place.classList.toggle('apart', state.apart);
    for (const { field, root, steppers } of rows) {
      const given = state.padding !== 'numbers' && ['begin', 'end', 'outputPadding'].includes(field.name);
      const enabled = !given && (!field.only || field.only === state.op);
      root.classList.toggle('off', !enabled);
      steppers[0].show(state.height[field.name], enabled && state.apart);
      steppers[1].show(state.width[field.name], enabled);
    }
  };
}
