// The upscale view: a picture through a network, tile by tile, beside the bicubic enlargement.

import { byId, copyText, count, element } from '../shared/dom.js';
import { ServiceProblem, getJson, origin, postPicture } from '../shared/api.js';
import { Compare } from '../shared/compare.js';
import { showOutcome } from '../shared/outcome.js';
import { PictureSource, sizeOf } from '../shared/pictures.js';
import { showProblem } from '../shared/problem.js';
import * as url from '../shared/url.js';
import { follow, requestId } from './progress.js';

let state = { model: '', picture: 'drawing' }, models = [], source, compare, picture = null, running = null;
const addresses = [];

/** Prepares the view once. */
export function start() {
  compare = new Compare(byId('upscale-compare'));
  source = new PictureSource(byId('upscale-source'), byId('view-upscale'), take);
  byId('upscale-model').onchange = event => { change({ model: event.target.value }); original(); };
  byId('upscale-run').onclick = run;
  byId('upscale-cancel').onclick = () => running?.abort();
  byId('copy-upscale').onclick = event => copyText(byId('upscale-code'), event.target);
}

/** Shows the view in the state of the address. */
export async function show(parameters) {
  state = { model: parameters.get('model') ?? '', picture: parameters.get('picture') ?? 'drawing' };
  try {
    models = (await getJson('v1/models')).models.filter(model => model.state === 'READY' && model.scale !== null && model.inputs.length === 1);
  } catch (error) {
    showProblem(byId('upscale-problem'), error.problem ?? { detail: error.message });
  }

  byId('upscale-model').replaceChildren(...models.map(({ name }) => element('option', { value: name }, name)));
  const asked = parameters.get('picture');
  if (picture === null || (asked !== null && asked !== picture.sample)) await source.take(state.picture);
  else change({ picture: picture.sample ?? '' }); // the visitor's own picture stays
}

export function hide() {
  running?.abort();
}

const modelOf = () => models.find(model => model.name === state.model);

function change(part) {
  state = { ...state, ...part };
  if (!modelOf()) state.model = models[0]?.name ?? '';
  const model = modelOf();
  byId('upscale-model').value = state.model;
  byId('upscale-run').disabled = !model || !picture || running !== null;
  byId('upscale-about').textContent = model
    ? `${model.scale} times the size, ${count(model.parameters)} parameters, ${count(model.multiplyAddsPerPixel)} multiply-adds a pixel`
    : 'No network that takes a picture is served here. Put an ONNX file into the models directory.';
  byId('upscale-code').textContent = model && picture ? `curl --data-binary @${picture.name.replace(/[^\w.-]/g, '_')} -H 'Content-Type: ${picture.blob.type || 'image/png'}' \\\n  ${origin()}/v1/models/${model.name}/image -o result.png` : '';
  url.write('upscale', state);
}

async function take(chosen) {
  running?.abort();
  if (picture) URL.revokeObjectURL(picture.address);
  picture = { ...chosen, address: URL.createObjectURL(chosen.blob) };
  picture.size = await sizeOf(picture.address);
  change({ picture: chosen.sample ?? '' });
  original();
}

/** Only the picture, as large as its enlargement will be. */
function original() {
  for (const address of addresses.splice(0)) URL.revokeObjectURL(address);
  showOutcome(byId('upscale-outcome'), null);
  showProblem(byId('upscale-problem'), null);
  if (picture.size) compare.show(picture.address, null, enlarged(), ['original', ''], { smooth: true });
  tell('');
}

function enlarged() {
  const scale = modelOf()?.scale ?? 1;
  if (!picture.size) return null;
  return { width: Math.round(picture.size.width * scale), height: Math.round(picture.size.height * scale) };
}

async function run() {
  const model = modelOf(), id = requestId();
  const call = running = new AbortController(), { signal } = call;
  busy(true);
  original();
  tell('sending the picture');
  const followed = new AbortController();
  follow(id, event => { if (running === call && event.total > 0) report(event); }, followed.signal);
  try {
    const outcome = await postPicture(`v1/models/${encodeURIComponent(model.name)}/image`, picture.blob, { signal, id });
    const after = keep(outcome.blob), size = await sizeOf(after);
    const [before, label] = await bicubic(model.scale, signal);
    if (size) compare.show(before, after, size, [label, model.name], { smooth: before === picture.address });
    showOutcome(byId('upscale-outcome'), outcome, { before: picture.size, after: size ?? enlarged(), file: { address: after, name: 'result.png' }, facts: outcome.tiles ? [['tiles', outcome.tiles]] : [] });
    tell(size ? 'done' : 'done; too large for this browser to show, but not to download');
  } catch (error) {
    if (error.name === 'AbortError') tell('cancelled');
    else if (error instanceof ServiceProblem) { tell(''); showProblem(byId('upscale-problem'), error.problem); }
    else throw error;
  } finally {
    followed.abort();
    if (running === call) running = null;
    busy(running !== null);
  }
}

function keep(blob) {
  addresses.push(URL.createObjectURL(blob));
  return addresses.at(-1);
}

/** What the network is compared with; where the service does not give it, the browser's own enlargement. */
async function bicubic(scale, signal) {
  if (!Number.isInteger(scale) || scale < 2) return [picture.address, 'original'];
  try {
    return [keep((await postPicture(`v1/images/conv-transpose?kernel=bicubic&stride=${scale}`, picture.blob, { signal })).blob), 'bicubic'];
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    return [picture.address, 'original, enlarged by the browser'];
  }
}

function busy(yes) {
  byId('upscale-run').disabled = yes || !modelOf();
  byId('upscale-cancel').disabled = !yes;
  byId('upscale-compare').ariaBusy = String(yes);
  byId('upscale-progress').hidden = !yes;
  byId('upscale-progress').removeAttribute('value');
}

function report({ done, total, secondsLeft }) {
  const bar = byId('upscale-progress');
  bar.max = total;
  bar.value = done;
  tell(`${done} of ${total} tiles${secondsLeft === undefined ? '' : `, ${Math.ceil(secondsLeft)} s left`}`, { aloud: false });
}

/** Says how it stands; a screen reader hears the turning points, and asks the progress bar for the rest. */
function tell(text, { aloud = true } = {}) {
  byId('upscale-status').ariaLive = aloud ? 'polite' : 'off';
  byId('upscale-status').textContent = text;
}
