// Where a picture comes from: one of those that ship, the file dialog, a drop, or the clipboard.

import { element } from './dom.js';

const samples = [
  { name: 'cat', file: 'pictures/cat.jpg', label: 'Cat' },
  { name: 'coffee', file: 'pictures/coffee.jpg', label: 'Coffee' },
  { name: 'drawing', file: 'pictures/drawing.png', label: 'Drawing' },
];

/** Size of a picture that the browser can read, or null; the pixels stay undecoded. */
export function sizeOf(address) {
  return new Promise(resolve => {
    const image = new Image();
    image.onload = () => resolve({ width: image.naturalWidth, height: image.naturalHeight });
    image.onerror = () => resolve(null);
    image.src = address;
  });
}

/**
 * Buttons and targets to choose a picture from.
 * chosen({blob, name, sample}) is called with each; sample is the name of one that ships, or null.
 */
export class PictureSource {
  constructor(place, target, chosen) {
    this.chosen = chosen;
    this.target = target;
    this.buttons = samples.map(sample => element('button', { type: 'button', className: 'sample', onclick: () => this.take(sample.name) },
      element('img', { src: sample.file, alt: '', loading: 'lazy', width: 64, height: 48 }), element('span', {}, sample.label)));
    const input = element('input', { type: 'file', accept: 'image/*', className: 'visually-hidden', tabIndex: -1, ariaLabel: 'Picture file' });
    input.onchange = () => { if (input.files[0]) this.own(input.files[0]); input.value = ''; };
    const choose = element('button', { type: 'button', className: 'choose', onclick: () => input.click() }, 'Choose…');
    place.append(element('div', { className: 'samples', role: 'group', ariaLabel: 'Pictures' }, ...this.buttons, choose, input),
      element('p', { className: 'hint' }, 'Or drop or paste a picture. It goes to this service only.'));
    target.addEventListener('dragover', event => { event.preventDefault(); target.classList.add('dropping'); });
    target.addEventListener('dragleave', event => { if (!target.contains(event.relatedTarget)) target.classList.remove('dropping'); });
    target.addEventListener('drop', event => {
      event.preventDefault();
      target.classList.remove('dropping');
      const file = event.dataTransfer.files[0];
      if (file) this.own(file);
    });
    addEventListener('paste', event => {
      const file = event.clipboardData?.files[0];
      if (file && !target.hidden) this.own(file);
    });
  }

  /** Takes one that ships, by name; an unknown name is the first. */
  async take(name) {
    const sample = samples.find(item => item.name === name) ?? samples[0];
    this.mark(sample.name);
    const blob = await (await fetch(sample.file)).blob();
    await this.chosen({ blob, name: sample.file.split('/')[1], sample: sample.name });
  }

  own(file) {
    this.mark(null);
    return this.chosen({ blob: file, name: file.name || 'picture.png', sample: null });
  }

  mark(name) {
    this.buttons.forEach((button, index) => { button.ariaPressed = String(samples[index].name === name); });
  }
}
