// The drawing: kernel, input and output side by side (or stacked on a narrow screen), and what lights up on them.

import { svg } from '../shared/dom.js';
import { FineSize, Grid } from './grid.js';
import { fromDriver, fromPlane, overlapsOf } from './geometry.js';

const LabelHeight = 30, LabelWidth = 96;
const still = matchMedia('(prefers-reduced-motion: reduce)');

export class Scene {
  constructor(root) {
    this.root = root;
    this.last = null;
  }

  /** Draws everything anew for a state. values: {input, weight, output} as rows of numbers, output null while it is unknown. */
  draw(state, axes, values) {
    this.state = state;
    this.axes = axes;
    this.transposed = state.op === 'conv-transpose';
    this.works = axes.every(axis => axis.works);
    const [h, w] = axes;
    const bare = (rows, columns) => ({ rows, columns, top: 0, left: 0, bottom: 0, right: 0 });
    const around = { rows: h.plane, columns: w.plane, top: h.begin, left: w.begin, bottom: h.end, right: w.end };
    const extents = {
      kernel: bare(h.kernel, w.kernel),
      input: this.transposed ? bare(h.input, w.input) : around,
      output: this.transposed ? around : bare(h.output, w.output),
    };
    const places = this.arrange(extents);
    const counts = this.transposed && state.show === 'overlap' ? axes.map(overlapsOf) : null;
    const most = counts ? Math.max(1, ...counts[0]) * Math.max(1, ...counts[1]) : 1;
    const shown = counts ? counts[0].map(a => counts[1].map(b => a * b)) : values.output;
    this.kernel = new Grid('kernel', places.kernel, extents.kernel, { values: values.weight });
    this.input = new Grid('input', places.input, extents.input, { values: values.input });
    this.output = new Grid('output', places.output, extents.output, {
      values: this.works ? shown : null, ghost: !this.works,
      heat: counts ? (row, column) => counts[0][row] * counts[1][column] / most : null,
    });
    this.plane = this.transposed ? this.output : this.input;
    this.driver = this.transposed ? this.input : this.output;
    this.markRemainder();

    this.beams = svg('path', { class: 'beams' });
    this.lights = Object.fromEntries(['kernel', 'input', 'output'].map(name => [name, svg('g', { class: `light light-${name}` })]));
    this.root.replaceChildren(
      this.kernel.group, this.input.group, this.output.group, ...Object.values(this.lights), this.beams,
      this.label('Kernel', this.kernel, `${h.kernel} × ${w.kernel}`), this.label('Input', this.input, `${h.input} × ${w.input}`),
      this.label('Output', this.output, this.works ? `${h.output} × ${w.output}` : 'none'));
    this.root.classList.toggle('fine', places.input.cell < FineSize);
    this.last = null;
  }

  /** Finds one size of cell for all three grids, and where they stand. */
  arrange(extents) {
    const { clientWidth: width, clientHeight: height } = this.root;
    this.root.setAttribute('viewBox', `0 0 ${width} ${height}`);
    const full = ({ rows, columns, top, left, bottom, right }) => ({ rows: Math.max(1, rows + top + bottom), columns: Math.max(1, columns + left + right) });
    const [k, i, o] = [full(extents.kernel), full(extents.input), full(extents.output)];
    this.stacked = width < 620;
    const largest = Math.min(64, Math.max(40, width / 18)), gap = this.stacked ? 28 : Math.max(48, width * 0.06), edge = 2;
    const fits = this.stacked
      ? [(width - gap - edge) / (k.columns + i.columns), (width - gap - edge - LabelWidth) / i.columns, (width - edge) / o.columns, (height - 2 * LabelHeight - 28) / (Math.max(k.rows, i.rows) + o.rows)]
      : [(width - 2 * gap - edge) / (k.columns + i.columns + o.columns), (height - LabelHeight - edge) / Math.max(k.rows, i.rows, o.rows)];
    let cell = Math.min(largest, ...fits);
    cell = cell >= 4 ? Math.floor(cell) : Math.max(0.5, Math.floor(cell * 8) / 8);

    const at = (x, y) => ({ x: Math.round(x) + 0.5, y: Math.round(y) + 0.5, cell });
    if (this.stacked) {
      const top = (height - 2 * LabelHeight - 28 - (Math.max(k.rows, i.rows) + o.rows) * cell) / 2 + LabelHeight;
      const kernel = Math.max(LabelWidth, k.columns * cell), left = (width - kernel - i.columns * cell - gap) / 2, first = Math.max(k.rows, i.rows) * cell;
      return {
        kernel: at(left, top + (first - k.rows * cell) / 2), input: at(left + kernel + gap, top + (first - i.rows * cell) / 2),
        output: at((width - o.columns * cell) / 2, top + first + 28 + LabelHeight),
      };
    }

    const middle = (height + LabelHeight) / 2, left = (width - (k.columns + i.columns + o.columns) * cell - 2 * gap) / 2;
    return {
      kernel: at(left, middle - k.rows * cell / 2), input: at(left + k.columns * cell + gap, middle - i.rows * cell / 2),
      output: at(left + (k.columns + i.columns) * cell + 2 * gap, middle - o.rows * cell / 2),
    };
  }

  label(name, grid, size) {
    const text = svg('text', { class: 'caption', x: grid.place.x, y: grid.place.y - 10 }, `${name} `);
    text.append(svg('tspan', { class: 'size' }, size));
    return text;
  }

  /** What no window reaches is marked: the last rows and columns, the padding counted in. */
  markRemainder() {
    if (this.transposed) return;
    const [h, w] = this.axes, bottom = h.input + h.end, right = w.input + w.end;
    if (w.output && w.remainder) this.input.mark('leftover', this.input.area(-h.begin, right - w.remainder, bottom, right));
    if (h.output && h.remainder) this.input.mark('leftover', this.input.area(bottom - h.remainder, -w.begin, bottom, right));
  }

  /** What one cell has to do with: cells of the other grid and the taps in between; real are those that do not lie in the padding. */
  relate({ side, row, column }) {
    const [h, w] = this.axes, meet = side === 'driver' ? fromDriver : fromPlane;
    const rows = meet(h, row), columns = meet(w, column);
    const inside = side === 'driver'
      ? (y, x) => y.at >= 0 && x.at >= 0 && y.at < h.plane && x.at < w.plane
      : () => true;
    const met = rows.flatMap(y => columns.map(x => ({ tap: [y.k, x.k], cell: [y.at, x.at], inside: inside(y, x) })));
    return { met, real: met.filter(item => item.inside) };
  }

  /** Lights a cell and all that it has to do with. */
  light(focus) {
    for (const group of Object.values(this.lights)) group.replaceChildren();
    this.beams.setAttribute('d', '');
    if (!focus) { this.last = null; return; }
    const { met, real } = this.relate(focus);
    const [own, other] = focus.side === 'driver' ? [this.driver, this.plane] : [this.plane, this.driver];
    const cellsOf = (grid, cells) => cells.map(([row, column]) => grid.area(row, column, row + 1, column + 1)).join('');
    const lightOf = grid => this.lights[grid === this.input ? 'input' : 'output'];

    lightOf(own).append(svg('path', { class: 'focus', d: cellsOf(own, [[focus.row, focus.column]]) }));
    const window = svg('g');
    window.append(svg('path', { class: 'met', d: cellsOf(other, met.map(item => item.cell)) }));
    if (focus.side === 'driver' && other.place.cell >= 28 && met.length <= 64) window.append(...this.weightsOn(other, met));
    lightOf(other).append(window);
    this.lights.kernel.append(svg('path', { class: 'met', d: cellsOf(this.kernel, real.map(item => item.tap)) }));
    this.drawBeams(own, focus, other, met.map(item => item.cell));
    if (focus.side === 'driver') this.slide(window, lightOf(own).firstChild, focus);
    else this.last = null;
  }

  weightsOn(grid, met) {
    return met.map(({ tap, cell }) => {
      const [x, y] = grid.corner(cell[0] + 1, cell[1] + 1);
      return svg('text', { class: 'tap', x: x - 3, y: y - 4 }, String(this.weights?.[tap[0]][tap[1]] ?? '').replace('-', '−'));
    });
  }

  /** The window and the cell glide from where they were: one sees by how much the stride moves them. */
  slide(window, cell, focus) {
    const before = this.last;
    this.last = focus;
    if (!before || still.matches) return;
    const size = this.plane.place.cell, [h, w] = this.axes;
    const down = before.row - focus.row, right = before.column - focus.column;
    if (Math.abs(down) + Math.abs(right) !== 1) return;
    const move = (node, x, y) => node.animate([{ transform: `translate(${x}px, ${y}px)` }, { transform: 'none' }], { duration: 180, easing: 'cubic-bezier(.2,.7,.2,1)' });
    move(window, right * w.stride * size, down * h.stride * size);
    move(cell, right * size, down * size);
  }

  /** Two lines from the cell to the outline of what it meets. */
  drawBeams(own, focus, other, cells) {
    if (cells.length === 0) return;
    const box = (grid, list) => {
      const rows = list.map(([row]) => row), columns = list.map(([, column]) => column);
      const [x, y] = grid.corner(Math.min(...rows), Math.min(...columns)), [x2, y2] = grid.corner(Math.max(...rows) + 1, Math.max(...columns) + 1);
      return { x, y, x2, y2 };
    };
    const a = box(own, [[focus.row, focus.column]]), b = box(other, cells);
    const [from, to] = own === this.input ? [a, b] : [b, a];
    this.beams.setAttribute('d', this.stacked
      ? `M${from.x} ${from.y2}L${to.x} ${to.y}M${from.x2} ${from.y2}L${to.x2} ${to.y}`
      : `M${from.x2} ${from.y}L${to.x} ${to.y}M${from.x2} ${from.y2}L${to.x} ${to.y2}`);
  }

  /** The cell under a point of the drawing, as a focus. */
  at(x, y) {
    for (const side of ['driver', 'plane']) {
      const cell = this[side].cellAt(x, y);
      if (cell && (this.works || this.transposed || side === 'plane')) return { side, ...cell };
    }

    return null;
  }
}
