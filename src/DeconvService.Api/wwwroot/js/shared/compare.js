// Two pictures on top of each other with a divider that can be dragged; both are zoomed and moved together, down to single pixels.

import { element, onceAFrame } from './dom.js';

const Deepest = 32;

export class Compare {
  constructor(place) {
    this.before = element('img', { alt: 'before', draggable: false });
    this.after = element('img', { alt: 'after', draggable: false });
    this.divider = element('input', { type: 'range', className: 'divider', min: '0', max: '100', step: '0.5', value: '50', ariaLabel: 'Divider between before and after' });
    this.line = element('div', { className: 'divider-line' });
    this.tags = [element('span', { className: 'tag tag-before' }), element('span', { className: 'tag tag-after' })];
    this.ground = element('div', { className: 'ground' });
    this.view = element('div', { className: 'compare-view', tabIndex: 0, role: 'group', ariaLabel: 'Pictures: plus and minus zoom, arrows move' },
      this.ground, this.before, this.after, this.line, ...this.tags);
    this.level = element('output', { className: 'zoom-level' });
    const button = (text, label, run) => element('button', { type: 'button', ariaLabel: label, onclick: run }, text);
    const tools = element('div', { className: 'compare-tools' },
      button('−', 'Zoom out', () => this.zoom(1 / 2)), this.level, button('+', 'Zoom in', () => this.zoom(2)),
      button('Fit', 'Fit the picture', () => this.fit()), button('1:1', '1:1, one pixel of the result on one pixel of the screen', () => this.actual()), this.divider);
    place.replaceChildren(this.view, tools);
    this.scale = 1;
    this.x = this.y = 0;
    this.size = null;
    this.listen();
  }

  /** Shows two pictures at the size of the second; labels say what they are. */
  show(before, after, size, [beforeLabel, afterLabel], { smooth = false } = {}) {
    const other = !this.size || this.size.width !== size.width || this.size.height !== size.height;
    this.size = size;
    this.before.classList.toggle('smooth', smooth);
    this.before.src = before;
    this.after.hidden = this.line.hidden = this.divider.disabled = after === null;
    if (after !== null) this.after.src = after;
    else this.after.removeAttribute('src');
    this.tags[0].textContent = beforeLabel;
    this.tags[1].textContent = afterLabel;
    this.tags[1].hidden = after === null;
    for (const picture of [this.before, this.after]) [picture.style.width, picture.style.height] = [`${size.width}px`, `${size.height}px`];
    if (other) this.fit();
    else this.paint();
  }

  fit() {
    if (!this.size) return;
    const { clientWidth, clientHeight } = this.view;
    this.smallest = this.scale = Math.min(clientWidth / this.size.width, clientHeight / this.size.height);
    this.center();
  }

  /** One pixel of the result is one pixel of the screen. */
  actual() {
    this.scale = 1 / devicePixelRatio;
    this.center();
  }

  center() {
    this.x = (this.view.clientWidth - this.size.width * this.scale) / 2;
    this.y = (this.view.clientHeight - this.size.height * this.scale) / 2;
    this.paint();
  }

  /** Zooms around a point of the view, by default its middle. */
  zoom(factor, px = this.view.clientWidth / 2, py = this.view.clientHeight / 2) {
    if (!this.size) return;
    const next = Math.min(Deepest, Math.max(Math.min(this.smallest, 1) / 2, this.scale * factor));
    this.x = px - (px - this.x) * next / this.scale;
    this.y = py - (py - this.y) * next / this.scale;
    this.scale = next;
    this.paint();
  }

  paint() {
    if (!this.size) return;
    const { clientWidth: width, clientHeight: height } = this.view;
    // Some of the picture stays in sight.
    this.x = Math.min(width - 40, Math.max(40 - this.size.width * this.scale, this.x));
    this.y = Math.min(height - 40, Math.max(40 - this.size.height * this.scale, this.y));
    const at = this.divider.value / 100 * width;
    // What shows through a transparent picture does not grow with it, so it cannot be taken for a part of it.
    [this.ground.style.width, this.ground.style.height] = [`${this.size.width * this.scale}px`, `${this.size.height * this.scale}px`];
    this.ground.style.transform = `translate(${this.x}px, ${this.y}px)`;
    for (const picture of [this.before, this.after]) {
      picture.style.transform = `translate(${this.x}px, ${this.y}px) scale(${this.scale})`;
      picture.classList.toggle('pixels', this.scale * devicePixelRatio >= 2);
    }

    const cut = (at - this.x) / this.scale;
    this.after.style.clipPath = `inset(0 0 0 ${Math.max(0, Math.min(this.size.width, cut))}px)`;
    this.before.style.clipPath = this.after.hidden ? 'none' : `inset(0 ${Math.max(0, Math.min(this.size.width, this.size.width - cut))}px 0 0)`;
    this.line.style.transform = `translateX(${at}px)`;
    this.level.value = `${Math.round(this.scale * devicePixelRatio * 100)} %`;
  }

  listen() {
    const paint = onceAFrame(() => this.paint());
    this.divider.oninput = paint;
    this.view.addEventListener('wheel', event => {
      if (!event.ctrlKey && document.activeElement !== this.view) return; // the page scrolls on
      event.preventDefault();
      const box = this.view.getBoundingClientRect();
      this.zoom(Math.exp(-event.deltaY / 300), event.clientX - box.left, event.clientY - box.top);
    }, { passive: false });
    this.view.onpointerdown = event => {
      if (event.button !== 0 || !this.size) return;
      const box = this.view.getBoundingClientRect(), onLine = !this.after.hidden && Math.abs(event.clientX - box.left - this.divider.value / 100 * box.width) < 24;
      const start = { x: this.x - event.clientX, y: this.y - event.clientY };
      this.view.setPointerCapture(event.pointerId);
      this.view.onpointermove = move => {
        if (onLine) this.divider.value = (move.clientX - box.left) / box.width * 100;
        else [this.x, this.y] = [start.x + move.clientX, start.y + move.clientY];
        paint();
      };
    };
    this.view.onpointerup = this.view.onpointercancel = () => { this.view.onpointermove = null; };
    this.view.ondblclick = event => {
      const box = this.view.getBoundingClientRect();
      this.zoom(4, event.clientX - box.left, event.clientY - box.top);
    };
    this.view.onkeydown = event => {
      const moves = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] };
      if (event.key === '+' || event.key === '=') this.zoom(2);
      else if (event.key === '-') this.zoom(1 / 2);
      else if (event.key === '0') this.fit();
      else if (event.key in moves) { this.x += moves[event.key][0]; this.y += moves[event.key][1]; paint(); }
      else return;
      event.preventDefault();
    };
    new ResizeObserver(onceAFrame(() => { if (this.view.clientWidth) this.fit(); })).observe(this.view);
  }
}
