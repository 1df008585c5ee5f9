// One grid of cells as SVG. Lines and areas are single paths, whatever the number of cells, so that a frame stays cheap.

import { svg } from '../shared/dom.js';

/** Cells of at least this many pixels show their values. */
const TextSize = 17;

/** Cells below this many pixels have faint lines. */
export const FineSize = 10;

/** Cells of at least this many pixels are divided by lines. */
const LineSize = 4;

/**
 * Draws a grid.
 * place: {x, y, cell} in pixels; extent: {rows, columns} of cells inside, {top, left, bottom, right} of cells around (padding or crop);
 * values: rows of numbers or null; heat: shade from 0 to 1 for a cell, or null.
 */
export class Grid {
  constructor(name, place, extent, { values = null, heat = null, ghost = false } = {}) {
    this.place = place;
    this.extent = extent;
    this.group = svg('g', { class: `grid ${name}${ghost ? ' ghost' : ''}${place.cell < FineSize ? ' fine' : ''}` });
    const { rows, columns, top, left, bottom, right } = extent;
    if (top + left + bottom + right > 0) {
      this.group.append(svg('path', { class: 'around', d: this.area(-top, -left, rows + bottom, columns + right) + this.area(0, 0, rows, columns), 'fill-rule': 'evenodd' }));
      this.group.append(svg('path', { class: 'lines around-lines', d: this.lines(-top, -left, rows + bottom, columns + right) }));
    }

    this.group.append(svg('path', { class: 'cells', d: this.area(0, 0, rows, columns) }));
    if (heat) this.drawHeat(heat);
    this.marks = svg('g', { class: 'marks' });
    this.group.append(this.marks, svg('path', { class: 'lines', d: this.lines(0, 0, rows, columns) }));
    this.labels = svg('g', { class: 'values' });
    this.group.append(this.labels);
    if (values) this.write(values);
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

  lines(row, column, rowEnd, columnEnd) {
    const [x, y] = this.corner(row, column), [x2, y2] = this.corner(rowEnd, columnEnd), { cell } = this.place;
    if (rowEnd <= row || columnEnd <= column) return '';
    let d = `M${x} ${y}H${x2}V${y2}H${x}Z`;
    if (cell < LineSize) return d;
    for (let at = row + 1; at < rowEnd; at++) d += `M${x} ${y + (at - row) * cell}H${x2}`;
    for (let at = column + 1; at < columnEnd; at++) d += `M${x + (at - column) * cell} ${y}V${y2}`;
    return d;
  }

  /** Writes a number into every cell, where there is room. */
  write(values) {
    const { cell } = this.place;
    this.labels.replaceChildren();
    if (cell < TextSize) return;
    const texts = [];
    values.forEach((line, row) => line.forEach((value, column) => {
      const [x, y] = this.corner(row, column), text = String(value).replace('-', '−');
      texts.push(svg('text', { x: x + cell / 2, y: y + cell / 2, 'font-size': Math.min(24, cell * (text.length > 3 ? 0.36 : 0.44)) }, text));
    }));
    this.labels.append(...texts);
  }

  /** One path for each shade. */
  drawHeat(heat) {
    const shades = new Map();
    for (let row = 0; row < this.extent.rows; row++) {
      for (let column = 0; column < this.extent.columns; column++) {
        const shade = heat(row, column);
        shades.set(shade, (shades.get(shade) ?? '') + this.area(row, column, row + 1, column + 1));
      }
    }

    for (const [shade, d] of shades) this.group.append(svg('path', { class: 'heat', d, 'fill-opacity': (0.72 * shade).toFixed(3) }));
  }

  /** Marks an area of cells for good (what no window reaches). */
  mark(className, d) {
    this.marks.append(svg('path', { class: className, d }));
  }
}
