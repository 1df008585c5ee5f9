// One grid of cells as SVG. Lines and areas are single paths, whatever the number of cells, so that a frame stays cheap.

import { svg } from '../shared/dom.js';

// Sizes of cells in pixels at the usual size of type: from where on they show their values, have clear lines, and have lines at all.
const TextSize = 17, FineSize = 10, LineSize = 3;

/** How dark the most counted cell is. */
const Darkest = 0.72;

let masks = 0;

/**
 * Draws a grid.
 * place: {x, y, cell} in pixels, em the size of type (1 as usual); extent: {rows, columns} of cells inside, {top, left, bottom, right} of
 * cells around (padding or crop); heat: counts of the rows and of the columns, whose products shade the cells, or null. Numbers are written
 * afterwards, row by row, because thousands of them take longer than a frame.
 */
export class Grid {
  constructor(name, place, extent, { heat = null, ghost = false } = {}) {
    this.place = place;
    this.extent = extent;
    this.fine = place.cell < FineSize;
    this.group = svg('g', { class: `grid ${name}${ghost ? ' ghost' : ''}${this.fine ? ' fine' : ''}` });
    const { rows, columns, top, left, bottom, right } = extent;
    if (top + left + bottom + right > 0) {
      this.group.append(svg('path', { class: 'around', d: this.area(-top, -left, rows + bottom, columns + right) + this.area(0, 0, rows, columns), 'fill-rule': 'evenodd' }));
      this.group.append(svg('path', { class: 'lines around-lines', d: this.lines(-top, -left, rows + bottom, columns + right) }));
    }

    this.group.append(svg('path', { class: 'cells', d: this.area(0, 0, rows, columns) }));
    if (heat) this.drawHeat(...heat);
    this.marks = svg('g', { class: 'marks' });
    this.group.append(this.marks, svg('path', { class: 'lines', d: this.lines(0, 0, rows, columns) }));
    this.labels = svg('g', { class: 'values' });
    this.group.append(this.labels);
  }

  /** Pixel position of the top left corner of a cell; cells around have negative or large indices. */
  corner(row, column) {
    const { x, y, cell } = this.place;
    return [x + (column + this.extent.left) * cell, y + (row + this.extent.top) * cell];
  }

  /** The cell under a point, or null; cells around do not count. */
  cellAt(px, py) {
    const { x, y, cell } = this.place;
    const row = Math.floor((py - y) / cell) - this.extent.top, column = Math.floor((px - x) / cell) - this.extent.left;
    return row >= 0 && column >= 0 && row < this.extent.rows && column < this.extent.columns ? { row, column } : null;
  }

  area(row, column, rowEnd, columnEnd) {
    const [x, y] = this.corner(row, column), [x2, y2] = this.corner(rowEnd, columnEnd);
    return `M${x} ${y}H${x2}V${y2}H${x}Z`;
  }

  /** The cells of all pairs of these rows and columns, as one path. Where cells are too small for outlines, neighbours are one area. */
  cells(rows, columns) {
    const ends = list => this.fine ? runs(list) : list.map(at => [at, at + 1]);
    const across = ends(columns);
    return ends(rows).map(([row, rowEnd]) => across.map(([column, columnEnd]) => this.area(row, column, rowEnd, columnEnd)).join('')).join('');
  }

  lines(row, column, rowEnd, columnEnd) {
    const [x, y] = this.corner(row, column), [x2, y2] = this.corner(rowEnd, columnEnd), { cell } = this.place;
    if (rowEnd <= row || columnEnd <= column) return '';
    let d = `M${x} ${y}H${x2}V${y2}H${x}Z`;
    if (cell < LineSize) return d;
    for (let at = row + 1; at < rowEnd; at++) d += `M${x} ${y + (at - row) * cell}H${x2}`;
    for (let at = column + 1; at < columnEnd; at++) d += `M${x + (at - column) * cell} ${y}V${y2}`;
    return d;
  }

  /** Writes a number into every cell, where there is room, a row at each step: valueOf(row, column). */
  *write(valueOf) {
    const size = this.startWriting();
    if (!size) return;
    const { cell } = this.place;
    for (let row = 0; row < this.extent.rows; row++) {
      const texts = [];
      for (let column = 0; column < this.extent.columns; column++) {
        const [x, y] = this.corner(row, column), text = String(valueOf(row, column)).replace('-', '−'), node = svg('text');
        node.setAttribute('x', x + cell / 2);
        node.setAttribute('y', y + cell / 2 + size * 0.36); // half the height of a digit below the middle
        if (text.length > 3) node.setAttribute('font-size', size * 0.8);
        node.textContent = text;
        texts.push(node);
      }

      this.labels.append(...texts);
      yield texts.length;
    }
  }

  /** Writes rows of single digits: a text for each row, in which every letter has its place, takes a fraction of the time. */
  *writeDigits(values) {
    const size = this.startWriting();
    if (!size) return;
    const { cell } = this.place, places = Array.from({ length: this.extent.columns }, (_, column) => this.corner(0, column)[0] + cell / 2).join(' ');
    for (const [row, line] of values.entries()) {
      this.labels.append(svg('text', { x: places, y: this.corner(row, 0)[1] + cell / 2 + size * 0.36 }, line.join('')));
      yield line.length / 4;
    }
  }

  /** Empties the cells, and gives the size of numbers in them, or 0 where there is no room. */
  startWriting() {
    const { cell, em } = this.place, size = cell < TextSize * em ? 0 : cell * 0.42;
    this.labels.replaceChildren();
    this.labels.setAttribute('font-size', size);
    return size;
  }

  /**
   * Shades every cell by its count, which is the product of its row's and its column's: the rows are drawn, and the columns as a mask over
   * them multiply. So there are as many areas as rows and columns, not as many as cells, of which there may be millions.
   */
  drawHeat(rowCounts, columnCounts) {
    const { rows, columns } = this.extent, id = `heat-${++masks}`;
    const strips = (counts, areaOf, attributesOf) => {
      const most = Math.max(1, ...counts), places = new Map();
      counts.forEach((count, at) => places.get(count)?.push(at) ?? places.set(count, [at]));
      places.delete(0);
      return [...places].map(([count, list]) => svg('path', { d: runs(list).map(areaOf).join(''), ...attributesOf(count / most) }));
    };
    const mask = svg('mask', { id, class: 'heat-mask' }, ...strips(columnCounts, ([from, end]) => this.area(0, from, rows, end), share => ({ 'fill-opacity': share })));
    const shades = strips(rowCounts, ([from, end]) => this.area(from, 0, end, columns), share => ({ class: 'heat', 'fill-opacity': (Darkest * share).toFixed(3) }));
    this.group.append(mask, svg('g', { mask: `url(#${id})` }, ...shades));
  }

  /** Marks an area of cells for good (what no window reaches). */
  mark(className, d) {
    this.marks.append(svg('path', { class: className, d }));
  }
}

/** Numbers as runs [first, end) of neighbours. */
function runs(numbers) {
  const found = [];
  for (const at of [...numbers].sort((a, b) => a - b)) {
    if (found.at(-1)?.[1] === at) found.at(-1)[1] = at + 1;
    else found.push([at, at + 1]);
  }

  return found;
}
