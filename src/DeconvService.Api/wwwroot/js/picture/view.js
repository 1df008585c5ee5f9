// The picture view: a picture through a kernel, again after every change.

import { byId, copyText, debounce, element } from '../shared/dom.js';
import { ServiceProblem, getJson, origin, postPicture } from '../shared/api.js';
import { Compare } from '../shared/compare.js';
import { showOutcome } from '../shared/outcome.js';
import { PictureSource, sizeOf } from '../shared/pictures.js';
import { showProblem } from '../shared/problem.js';
import * as url from '../shared/url.js';
import { canGrow, canShrink, resized, showMatrix } from './matrix.js';

const numbers = ['size', 'sigma', 'stride', 'scale', 'offset'];
const initial = { kernel: 'gaussian', matrix: null, op: 'conv', size: '', sigma: '', stride: '', scale: '', offset: '', picture: 'cat' };

let state = { ...initial }, presets = [], source, compare, picture = null, result = null, calls = null, shown = null;

/** Prepares the view once. */
export function start() {
  compare = new Compare(byId('picture-compare'));
  source = new PictureSource(byId('picture-source'), byId('view-picture'), take);
  for (const name of numbers) byId(`picture-${name}`).oninput = event => { if (event.target.validity.valid) change({ [name]: event.target.value }); };
  byId('picture-kernel').onchange = event => pick(event.target.value);
  byId('picture-op').onchange = event => change({ op: event.target.value, stride: '' });
  byId('matrix-smaller').onclick = () => edit(resized(shown, -1));
  byId('matrix-larger').onclick = () => edit(resized(shown, 1));
  byId('copy-picture').onclick = event => copyText(byId('picture-code'), event.target);
}

/** Shows the view in the state of the address. */
export async function show(parameters) {
  const given = Object.fromEntries([...numbers, 'picture'].map(name => [name, parameters.get(name) ?? initial[name]]));
  const kernel = parameters.get('kernel') ?? initial.kernel, matrix = kernel.startsWith('[') ? parse(kernel) : null;
  state = { ...initial, ...given, kernel: matrix ? 'matrix' : kernel, matrix, op: parameters.get('op') === 'conv-transpose' ? 'conv-transpose' : 'conv' };
  if (presets.length === 0 && !await loadPresets()) return;
  const asked = parameters.get('picture');
  if (picture === null || (asked !== null && asked !== picture.sample)) await source.take(state.picture);
  else change({ picture: picture.sample ?? '' }); // the visitor's own picture stays
}

export function hide() {
  calls?.abort();
}

function parse(text) {
  try {
    const matrix = JSON.parse(text);
    const good = Array.isArray(matrix) && matrix.length > 0 && matrix.every(line => Array.isArray(line) && line.length === matrix[0].length && line.length > 0 && line.every(Number.isFinite));
    return good ? matrix : null;
  } catch {
    return null;
  }
}

async function loadPresets() {
  try {
    presets = (await getJson('v1/images/kernels')).kernels;
  } catch (error) {
    showProblem(byId('picture-problem'), error.problem ?? { detail: error.message });
    return false;
  }

  const group = (label, op) => element('optgroup', { label }, ...presets.filter(item => item.operator === op).map(({ name, summary }) => element('option', { value: name, title: summary }, name)));
  byId('picture-kernel').replaceChildren(group('Filter', 'conv'), group('Enlarge', 'conv-transpose'), element('optgroup', { label: 'Your own' }, element('option', { value: 'matrix' }, 'matrix')));
  return true;
}

const presetOf = () => presets.find(item => item.name === state.kernel);
const operator = () => presetOf()?.operator ?? state.op;

function pick(kernel) {
  const enlarges = presets.find(item => item.name === kernel)?.operator === 'conv-transpose';
  if (kernel === 'matrix') edit(shown);
  else change({ kernel, matrix: null, op: 'conv', size: '', sigma: '', scale: '', offset: '', stride: enlarges ? '2' : '' });
}

/** A matrix of the visitor's own keeps what the preset did to the result, so that only the edit shows. */
function edit(matrix) {
  const preset = presetOf();
  change({ matrix, op: operator(), kernel: 'matrix', size: '', sigma: '', offset: state.offset || (preset?.offset ? String(preset.offset) : '') });
}

async function take(chosen) {
  if (picture) URL.revokeObjectURL(picture.address);
  picture = { ...chosen, address: URL.createObjectURL(chosen.blob) };
  picture.size = await sizeOf(picture.address);
  forget();
  if (picture.size) compare.show(picture.address, null, picture.size, ['original', '']);
  change({ picture: chosen.sample ?? '' });
}

function forget() {
  if (result) URL.revokeObjectURL(result);
  result = null;
}

function change(part) {
  state = { ...state, ...part };
  if (state.kernel !== 'matrix' && !presetOf()) state.kernel = initial.kernel;
  if (state.kernel === 'matrix' && !state.matrix) state.matrix = [[0, 0, 0], [0, 1, 0], [0, 0, 0]];
  const preset = presetOf(), has = name => preset?.parameters.some(parameter => parameter.name === name) ?? false;
  byId('picture-kernel').value = state.kernel;
  byId('picture-about').textContent = preset?.summary ?? 'your own weights';
  byId('picture-op').value = operator();
  byId('picture-op').disabled = state.kernel !== 'matrix';
  for (const name of numbers) {
    const input = byId(`picture-${name}`), usual = preset?.parameters.find(parameter => parameter.name === name)?.default;
    if (document.activeElement !== input) input.value = state[name];
    input.disabled = (name === 'size' || name === 'sigma') && !has(name);
    input.placeholder = name === 'stride' || name === 'scale' ? '1' : name === 'offset' ? String(preset?.offset ?? 0) : String(usual ?? 'auto');
  }

  byId('picture-code').textContent = picture ? `curl --data-binary @${quote(picture.name)} -H 'Content-Type: ${picture.blob.type || 'image/png'}' \\\n  '${origin()}/${path()}' -o result.png` : '';
  if (state.kernel === 'matrix') present(state.matrix);
  url.write('picture', { kernel: state.matrix ? JSON.stringify(state.matrix) : state.kernel, op: state.matrix && state.op !== 'conv' ? state.op : '', ...Object.fromEntries(numbers.map(name => [name, state[name]])), picture: state.picture });
  run();
}

const quote = name => /^[\w.-]+$/.test(name) ? name : `'${name.replaceAll("'", "'\\''")}'`;

function query() {
  const preset = presetOf(), query = new URLSearchParams({ kernel: state.matrix ? JSON.stringify(state.matrix) : state.kernel });
  for (const name of numbers) {
    const applies = name !== 'size' && name !== 'sigma' || preset?.parameters.some(parameter => parameter.name === name);
    if (state[name] !== '' && applies) query.set(name, state[name]);
  }

  return query;
}

const path = () => `v1/images/${operator()}?${query()}`;

function present(matrix) {
  shown = matrix;
  showMatrix(byId('picture-matrix'), matrix, edit);
  byId('matrix-smaller').disabled = !canShrink(matrix);
  byId('matrix-larger').disabled = !canGrow(matrix);
}

const run = debounce(180, async () => {
  if (!picture || byId('view-picture').hidden) return;
  calls?.abort();
  calls = new AbortController();
  const { signal } = calls;
  byId('picture-compare').ariaBusy = 'true';
  try {
    if (!state.matrix) present(await presetMatrix(signal));
    const outcome = await postPicture(path(), picture.blob, { signal });
    const address = URL.createObjectURL(outcome.blob), size = await sizeOf(address);
    if (signal.aborted) { URL.revokeObjectURL(address); return; }
    const old = result;
    result = address;
    compare.show(picture.size ? picture.address : result, result, size, ['original', state.kernel]); // the browser may know fewer formats
    if (old) URL.revokeObjectURL(old);
    showOutcome(byId('picture-outcome'), outcome, { before: picture.size, after: size, file: { address, name: 'result.png' } });
    showProblem(byId('picture-problem'), null);
  } catch (error) {
    if (error.name === 'AbortError') return;
    if (!(error instanceof ServiceProblem)) throw error;
    showOutcome(byId('picture-outcome'), null);
    showProblem(byId('picture-problem'), error.problem, ({ stride }) => change({ stride: String(Array.isArray(stride) ? stride[0] : stride ?? '') }));
  } finally {
    if (calls?.signal === signal) byId('picture-compare').ariaBusy = 'false';
  }
});

/** The matrix that the parameters of a preset give. */
async function presetMatrix(signal) {
  const asked = query();
  for (const name of ['scale', 'offset']) asked.delete(name);
  if (operator() === 'conv') asked.delete('stride');
  return (await getJson(`v1/images/kernels?${asked}`, signal)).kernels[0].matrix;
}
