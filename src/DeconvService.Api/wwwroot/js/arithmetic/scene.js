// The drawing: kernel, input and output side by side (or stacked on a narrow screen), and what lights up on them.
//
// It is two layers. The lower one holds the grids and is drawn anew when a control changes. The upper one holds the few nodes that light
// up; a step or a hover only moves them. In one layer every hover would paint thousands of cells and numbers again.

import { svg } from '../shared/dom.js';
import { Grid } from './grid.js';
import { fromDriver, fromPlane, overlapsOf } from './geometry.js';

const still = matchMedia('(prefers-reduced-motion: reduce)');

/** The window shows its weights on cells of at least this many pixels (at the usual size of type), and up to this many weights. */
const WeightSize = 32, MostWeights = 64;

/** About the width of a letter of a caption; measuring it would cost a layout of the whole drawing. */
const WidthOfLetter = 7.2;

export class Scene {
  constructor(root, upper) {
    this.root = root;
    this.upper = upper;
    this.window = svg('g', { class: 'window' });
    this.cell = svg('path', { class: 'focus' });
    this.feeds = svg('path', { class: 'met' });
    this.taps = svg('path', { class: 'met' });
    this.beams = svg('path', { class: 'beams' });
    upper.append(this.taps, this.feeds, this.window, this.cell, this.beams);
    this.last = null;
  }

  /**
   * Draws everything anew for a state, in steps of a millisecond or so. What is seen changes between two steps, all of it together: shown()
   * is called then, and numbers follow row by row. Before, the older drawing stands as it was.
   * values: {input, weight, output} as rows of numbers, output null while it is unknown.
   */
  *draw(state, axes, values, shown) {
    this.axes = axes;
    this.transposed = state.op === 'conv-transpose';
    this.works = axes.every(axis => axis.works);
    this.em = parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
    const [h, w] = axes;
    const bare = (rows, columns) => ({ rows, columns, top: 0, left: 0, bottom: 0, right: 0 });
    const around = { rows: h.plane, columns: w.plane, top: h.begin, left: w.begin, bottom: h.end, right: w.end };
    const extents = {
      kernel: bare(h.kernel, w.kernel),
      input: this.transposed ? bare(h.input, w.input) : around,
      output: this.transposed ? around : bare(h.output, w.output),
    };
    const places = this.arrange(extents), counts = this.transposed && state.show === 'overlap' ? axes.map(overlapsOf) : null;
    this.counted = counts !== null;
    this.kernel = new Grid('kernel', places.kernel, extents.kernel);
    this.input = new Grid('input', places.input, extents.input);
    yield;
    this.output = new Grid('output', places.output, extents.output, { ghost: !this.works, heat: counts });
    yield;
    this.plane = this.transposed ? this.output : this.input;
    this.driver = this.transposed ? this.input : this.output;
    this.markRemainder();
    const window = this.cutWindow(values.weight);
    yield;
    const old = this.root.getElementsByTagName('*').length; // to take nodes away costs about as much as to add them
    this.root.replaceChildren(
      this.kernel.group, this.input.group, this.output.group,
      this.caption('Kernel', this.kernel, `${h.kernel} × ${w.kernel}`),
      this.caption('Input', this.input, `${h.input} × ${w.input}${this.transposed ? '' : this.aroundOf('padded to')}${this.leftOver()}`),
      this.caption('Output', this.output, this.works ? `${h.output} × ${w.output}${this.transposed ? this.aroundOf('cropped from') : ''}${products(counts)}` : 'none'));
    this.root.classList.toggle('fine', this.input.fine);
    this.upper.classList.toggle('fine', this.input.fine);
    this.window.replaceChildren(...window);
    this.cell.setAttribute('d', `M0 0h${this.plane.place.cell}v${this.plane.place.cell}h${-this.plane.place.cell}Z`);
    this.last = null;
    shown();
    yield old;
    yield* this.kernel.write((row, column) => values.weight[row][column]);
    yield* this.input.writeDigits(values.input);
    if (counts) yield* this.output.write((row, column) => counts[0][row] * counts[1][column]);
    else yield* this.writeOutput(values);
  }

  /** Writes the values of the output, once the service has said them. */
  *writeOutput({ output }) {
    if (output && this.works && !this.counted) yield* this.output.write((row, column) => output[row][column]);
  }

  /** Finds one size of cell for all three grids, and where they stand. */
  arrange(extents) {
    const { clientWidth: width, clientHeight: height } = this.root;
    this.width = width;
    for (const layer of [this.root, this.upper]) layer.setAttribute('viewBox', `0 0 ${width} ${height}`);
    const full = ({ rows, columns, top, left, bottom, right }) => ({ rows: Math.max(1, rows + top + bottom), columns: Math.max(1, columns + left + right) });
    const [k, i, o] = [full(extents.kernel), full(extents.input), full(extents.output)];
    this.stacked = width < 620;
    const label = 30 * this.em, labelWidth = 96 * this.em, edge = 2, between = 28;
    const largest = Math.min(104 * this.em, Math.max(40, width / 14)), gap = this.stacked ? between : Math.max(48, width * 0.06);
    const fits = this.stacked
      ? [(width - gap - edge) / (k.columns + i.columns), (width - gap - edge - labelWidth) / i.columns, (width - edge) / o.columns, (height - 2 * label - between) / (Math.max(k.rows, i.rows) + o.rows)]
      : [(width - 2 * gap - edge) / (k.columns + i.columns + o.columns), (height - label - edge) / Math.max(k.rows, i.rows, o.rows)];
    let cell = Math.min(largest, ...fits);
    cell = cell >= 4 ? Math.floor(cell) : Math.max(0.125, Math.floor(cell * 8) / 8);

    const at = (x, y) => ({ x: Math.round(x) + 0.5, y: Math.round(y) + 0.5, cell, em: this.em });
    if (this.stacked) {
      const top = (height - 2 * label - between - (Math.max(k.rows, i.rows) + o.rows) * cell) / 2 + label;
      const kernel = Math.max(labelWidth, k.columns * cell), left = (width - kernel - i.columns * cell - gap) / 2, first = Math.max(k.rows, i.rows) * cell;
      return {
        kernel: at(left, top + (first - k.rows * cell) / 2), input: at(left + kernel + gap, top + (first - i.rows * cell) / 2),
        output: at((width - o.columns * cell) / 2, top + first + between + label),
      };
    }

    const middle = (height + label) / 2, left = (width - (k.columns + i.columns + o.columns) * cell - 2 * gap) / 2;
    return {
      kernel: at(left, middle - k.rows * cell / 2), input: at(left + k.columns * cell + gap, middle - i.rows * cell / 2),
      output: at(left + (k.columns + i.columns) * cell + 2 * gap, middle - o.rows * cell / 2),
    };
  }

  /** Name and size above a grid, as far to the left as the drawing's edge wants it. */
  caption(name, grid, size) {
    const length = (name.length + 1 + size.length) * WidthOfLetter * this.em;
    const x = Math.max(1, Math.min(grid.place.x, this.width - length));
    return svg('text', { class: 'caption', x, y: grid.place.y - 10 * this.em }, `${name} `, svg('tspan', { class: 'size' }, size));
  }

  aroundOf(words) {
    const [h, w] = this.axes;
    return h.begin + h.end + w.begin + w.end ? `, ${words} ${h.plane + h.begin + h.end} × ${w.plane + w.begin + w.end}` : '';
  }

  leftOver() {
    const [h, w] = this.axes, most = Math.max(h.remainder, w.remainder);
    return most ? `, ${h.remainder && w.remainder && h.remainder !== w.remainder ? `${h.remainder} and ${w.remainder}` : most} left over` : '';
  }

  /** What no window reaches is marked: the last rows and columns, the padding counted in. */
  markRemainder() {
    if (this.transposed) return;
    const [h, w] = this.axes, bottom = h.input + h.end, right = w.input + w.end, low = h.output ? h.remainder : 0;
    if (w.output && w.remainder) this.input.mark('leftover', this.input.area(-h.begin, right - w.remainder, bottom - low, right));
    if (low) this.input.mark('leftover', this.input.area(bottom - low, -w.begin, bottom, right));
  }

  /** The window of the kernel at the corner of the drawing: taps, and weights where there is room. It is moved from there. */
  cutWindow(weight) {
    const [h, w] = this.axes, { plane } = this, [x0, y0] = plane.corner(0, 0), { cell } = plane.place;
    const taps = axis => Array.from({ length: axis.kernel }, (_, k) => k * axis.dilation);
    const outline = svg('path', { class: 'met', d: plane.cells(taps(h), taps(w)), transform: `translate(${-x0} ${-y0})` });
    const shown = cell >= WeightSize * this.em && h.kernel * w.kernel <= MostWeights ? weight : [];
    const texts = shown.flatMap((line, row) => line.map((value, column) =>
      svg('text', { class: 'tap', x: (column * w.dilation + 1) * cell - 3, y: (row * h.dilation + 1) * cell - 4 }, String(value).replace('-', '−'))));
    return [outline, ...texts];
  }

  /**
   * What one cell has to do with, along each axis: the taps k and the cells `at` of the other grid. The cells are all pairs of them.
   * rowsIn and columnsIn are those that do not lie in the padding.
   */
  relate({ side, row, column }) {
    const [h, w] = this.axes, meet = side === 'driver' ? fromDriver : fromPlane;
    const inside = (list, axis) => side === 'driver' ? list.filter(({ at }) => at >= 0 && at < axis.plane) : list;
    const rows = meet(h, row), columns = meet(w, column);
    return { rows, columns, rowsIn: inside(rows, h), columnsIn: inside(columns, w) };
  }

  /** Lights a cell and all that it has to do with; null lights nothing. */
  light(focus) {
    const byDriver = focus?.side === 'driver';
    this.upper.toggleAttribute('hidden', !focus);
    this.window.toggleAttribute('hidden', !byDriver);
    if (!focus) { this.last = null; return; }
    const { rows, columns, rowsIn, columnsIn } = this.relate(focus), [h, w] = this.axes;
    const [own, other] = byDriver ? [this.driver, this.plane] : [this.plane, this.driver];
    const at = list => list.map(item => item.at), k = list => list.map(item => item.k);
    this.taps.setAttribute('d', this.kernel.cells(k(rowsIn), k(columnsIn)));
    this.feeds.setAttribute('d', byDriver ? '' : other.cells(at(rows), at(columns)));
    this.beams.setAttribute('d', this.beamsOf(own, focus, other, at(rows), at(columns)));

    // One sees by how much the stride moves the window: it glides to the next place.
    const glides = byDriver && this.last && !still.matches && Math.abs(this.last.row - focus.row) + Math.abs(this.last.column - focus.column) === 1;
    move(this.cell, own.corner(focus.row, focus.column), glides);
    if (byDriver) move(this.window, this.plane.corner(focus.row * h.stride - h.begin, focus.column * w.stride - w.begin), glides);
    this.last = byDriver ? focus : null;
  }

  /** Two lines from the cell to the outline of what it meets. */
  beamsOf(own, focus, other, rows, columns) {
    if (rows.length === 0 || columns.length === 0) return '';
    const box = (grid, ys, xs) => {
      const [x, y] = grid.corner(Math.min(...ys), Math.min(...xs)), [x2, y2] = grid.corner(Math.max(...ys) + 1, Math.max(...xs) + 1);
      return { x, y, x2, y2 };
    };
    const a = box(own, [focus.row], [focus.column]), b = box(other, rows, columns);
    const [from, to] = own === this.input ? [a, b] : [b, a];
    return this.stacked
      ? `M${from.x} ${from.y2}L${to.x} ${to.y}M${from.x2} ${from.y2}L${to.x2} ${to.y}`
      : `M${from.x2} ${from.y}L${to.x} ${to.y}M${from.x2} ${from.y2}L${to.x} ${to.y2}`;
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

function move(node, [x, y], glides) {
  const before = node.style.transform, now = `translate(${x}px, ${y}px)`;
  node.style.transform = now;
  if (glides && before) node.animate([{ transform: before }, { transform: now }], { duration: 180, easing: 'cubic-bezier(.2,.7,.2,1)' });
}

function products(counts) {
  if (!counts) return '';
  const least = Math.min(...counts[0]) * Math.min(...counts[1]), most = Math.max(...counts[0]) * Math.max(...counts[1]);
  return `, ${least === most ? most : `${least} to ${most}`} products a cell`;
}
