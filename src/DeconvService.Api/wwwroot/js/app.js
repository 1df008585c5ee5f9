// Which of the three views is shown; each knows its own state.

import { byId } from './shared/dom.js';
import * as url from './shared/url.js';
import * as arithmetic from './arithmetic/view.js';
import * as picture from './picture/view.js';
import * as upscale from './upscale/view.js';

const views = { arithmetic, picture, upscale };
const started = new Set();
let current = null;

function show() {
  const parameters = url.read(), asked = parameters.get('view'), name = asked in views ? asked : 'arithmetic';
  if (current !== name) {
    if (current) views[current].hide();
    for (const other of Object.keys(views)) byId(`view-${other}`).hidden = other !== name;
    for (const link of document.querySelectorAll('[data-view]')) {
      if (link.dataset.view === name) link.ariaCurrent = 'page';
      else link.removeAttribute('aria-current');
    }
  }

  current = name;
  document.title = `${byId(`view-${name}`).ariaLabel} · DeconvService`;
  if (!started.has(name)) views[name].start();
  started.add(name);
  views[name].show(parameters);
}

document.addEventListener('click', event => {
  const link = event.target.closest('a[data-view]');
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  if (link.dataset.view === current) return;
  url.go(url.address(link.dataset.view));
  show();
});
addEventListener('popstate', show);
show();
