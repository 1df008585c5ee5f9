// The matrix of a kernel: numbers to edit, coloured by weight; a large one is only drawn.

import { element, svg } from '../shared/dom.js';

/** Matrices of up to this many rows and columns can be edited. */
const Editable = 9;

/** Shows a matrix; edited(matrix) is called with a changed copy. */
export function showMatrix(place, matrix, edited) {
  const most = Math.max(...matrix.flat().map(Math.abs), 1e-9);
  const editable = matrix.length <= Editable && matrix[0].length <= Editable;
  if (!editable) {
    place.replaceChildren(drawing(matrix, most));
    return;
  }

  const same = place.firstChild?.dataset?.size === `${matrix.length}x${matrix[0].length}`;
  const table = same ? place.firstChild : build(matrix);
  if (!same) place.replaceChildren(table);
  table.querySelectorAll('input').forEach((input, index) => {
    const row = Math.floor(index / matrix[0].length), column = index % matrix[0].length, value = matrix[row][column];
    if (document.activeElement !== input) input.value = short(value, matrix[0].length);
    colour(input, value / most);
    input.onchange = () => {
      const number = Number(input.value.replace('−', '-').replace(',', '.'));
      if (input.value.trim() === '' || !Number.isFinite(number)) { input.value = short(value, matrix[0].length); return; }
      const next = matrix.map(line => [...line]);
      next[row][column] = number;
      edited(next);
    };
  });
}

/** The matrix with a ring of zeros more, or a ring less. */
export function resized(matrix, by) {
  if (by > 0) {
    const zeros = () => Array(matrix[0].length + 2).fill(0);
    return [zeros(), ...matrix.map(line => [0, ...line, 0]), zeros()];
  }

  return matrix.slice(1, -1).map(line => line.slice(1, -1));
}

export const canGrow = matrix => Math.max(matrix.length, matrix[0].length) + 2 <= Editable;
export const canShrink = matrix => Math.min(matrix.length, matrix[0].length) > 2;

/** Few digits: the cells are small. */
function short(value, columns) {
  if (value !== 0 && Math.abs(value) < 0.001) return value.toExponential(0);
  return String(Number(value.toPrecision(columns > 5 ? 2 : 3)));
}

function build(matrix) {
  const table = element('div', { className: 'matrix', role: 'group', ariaLabel: `Weights, ${matrix.length} by ${matrix[0].length}` });
  table.dataset.size = `${matrix.length}x${matrix[0].length}`;
  table.style.gridTemplateColumns = `repeat(${matrix[0].length}, minmax(0, 4rem))`;
  matrix.forEach((line, row) => line.forEach((_, column) =>
    table.append(element('input', { type: 'text', inputMode: 'decimal', ariaLabel: `Weight row ${row + 1}, column ${column + 1}` }))));
  return table;
}

function colour(input, share) {
  const name = share < 0 ? '--ink' : '--accent';
  input.style.background = `color-mix(in srgb, var(${name}) ${Math.round(Math.abs(share) * (share < 0 ? 28 : 55))}%, var(--paper))`;
}

function drawing(matrix, most) {
  const root = svg('svg', { class: 'matrix-drawing', viewBox: `0 0 ${matrix[0].length} ${matrix.length}`, role: 'img', 'aria-label': `Weights, ${matrix.length} by ${matrix[0].length}` });
  matrix.forEach((line, row) => line.forEach((value, column) => {
    if (value !== 0) root.append(svg('rect', { class: value < 0 ? 'negative' : 'positive', x: column, y: row, width: 1, height: 1, 'fill-opacity': (Math.abs(value) / most).toFixed(3) }));
  }));
  return root;
}
