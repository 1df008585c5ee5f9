// The arithmetic view: state -> drawing at once, then the service's formula, values, notes or refusal.

import { byId, count, bytes, copyText, debounce, element, onceAFrame, overFrames } from '../shared/dom.js';
import { ServiceProblem, origin, postJson } from '../shared/api.js';
import { saidOnce, showProblem } from '../shared/problem.js';
import * as url from '../shared/url.js';
import { numberTable, segmented } from './controls.js';
import { explain, ruleOf } from './explain.js';
import { axesOf, inputOf, weightOf } from './geometry.js';
import { presetOf, presets } from './presets.js';
import { Scene } from './scene.js';
import { snippets } from './snippets.js';
import { fromAddress, makeState, parametersOf, toAddress, withSuggestion } from './state.js';

const Tick = 650;

/** Outputs of more cells than this are not asked for: their cells are too small to show a value. */
const MostValues = 256 * 256;

let state, axes, values, scene, showNumbers, selects, calls = null, timer = 0, hovered = null, cursor = 'driver', open = false, drawn = false;

const drawing = overFrames();

/** Prepares the view once. */
export function start() {
  scene = new Scene(byId('scene'), byId('lights'));
  const choose = (name, legend, options) => segmented(name, legend, options, value => change({ [name]: value, step: 0 }));
  selects = {
    op: choose('op', 'Operation', [['conv', 'Convolution'], ['conv-transpose', 'Transposed']]),
    padding: choose('padding', 'Padding rule', [['numbers', 'numbers'], ['same-upper', 'same'], ['same-lower', 'same-lower']]),
    fit: choose('fit', 'When the stride does not fit', [['exact', 'exact'], ['floor', 'floor']]),
    show: choose('show', 'Cells of the output show', [['values', 'values'], ['overlap', 'overlap']]),
    code: segmented('code', 'Language', ['curl', 'PyTorch', 'Keras', 'ONNX', 'numpy'].map(name => [name, name]), value => change({ code: value })),
  };
  for (const [name, select] of Object.entries(selects)) byId(`choose-${name}`).append(select.root);
  showNumbers = numberTable(byId('numbers'), (name, axis, value) => {
    const next = structuredClone(state);
    next[axis][name] = value;
    if (!next.apart) next.height[name] = next.width[name] = value;
    change({ ...next, step: 0 });
  });
  byId('apart').onchange = event => change({ apart: event.target.checked, ...(event.target.checked ? {} : { height: { ...state.width } }), step: 0 });
  byId('presets').append(...presets.map(({ name, about, given }) =>
    element('button', { type: 'button', className: 'chip', title: about, onclick: () => change({ ...makeState(given), code: state.code }) }, name)));
  byId('about-other').onclick = () => change({ ...makeState(presetOf(state).other.given), code: state.code, step: state.step }); // the same step: the window is seen to jump
  byId('feed-back').onclick = () => change({ height: { ...state.height, size: axes[0].output }, width: { ...state.width, size: axes[1].output }, step: 0 });
  byId('copy-code').onclick = event => copyText(byId('code'), event.target);
  byId('play').onclick = () => playing() ? stop() : play();
  byId('back').onclick = () => { stop(); step(-1); };
  byId('forward').onclick = () => { stop(); step(1); };
  byId('position').oninput = event => { stop(); goTo(Number(event.target.value)); };
  listen(byId('scene'));
  new ResizeObserver(onceAFrame(() => { if (open) draw(); })).observe(byId('scene'));
}

/** Shows the view in the state of the address. */
export function show(parameters) {
  open = true;
  change(fromAddress(parameters));
  if (calls?.signal.aborted) ask(); // who left gave up what was on its way
}

/** Leaves the view. */
export function hide() {
  open = false;
  stop();
  calls?.abort();
}

function change(part) {
  const asked = state && JSON.stringify([state.op, parametersOf(state), state.height, state.width]);
  state = { ...state, ...part };
  if (state.op === 'conv') state.show = 'values';
  axes = axesOf(state);
  for (const [name, select] of Object.entries(selects)) select.show(state[name]);
  selects.fit.enable(state.op === 'conv' && state.padding === 'numbers');
  selects.show.enable(state.op === 'conv-transpose');
  showNumbers(state);
  byId('apart').checked = state.apart;
  byId('rule').textContent = ruleOf(state);
  const known = presetOf(state);
  byId('about').textContent = known?.shown.about ?? 'The address of this page holds all that you see: it can be shared as a link.';
  byId('about-other').textContent = known?.other?.link ?? '';
  byId('about-other').hidden = !known?.other;
  [...byId('presets').children].forEach((chip, index) => { chip.ariaPressed = String(presets[index] === known?.preset); });
  byId('code').textContent = snippets(state, axes, origin())[state.code];
  byId('code').parentElement.classList.toggle('folded', state.code === 'curl');
  const feeds = axes.every(axis => axis.works && axis.output <= 128) && axes.some(axis => axis.output !== axis.input);
  byId('feed-back').disabled = !feeds;
  if (asked !== JSON.stringify([state.op, parametersOf(state), state.height, state.width])) {
    values = { input: inputOf(axes[0].input, axes[1].input), weight: weightOf(axes[0].kernel, axes[1].kernel), output: null };
    hovered = null;
    calls?.abort(); // an answer for the older state must not meet the newer grids
    ask();
  }

  draw();
  url.write('arithmetic', toAddress(state));
}

/** Draws over the next frames. Until the new grids are on the screen, the older ones are not lit for the newer state. */
function draw() {
  drawn = false;
  drawing.run(scene.draw(state, axes, values, () => { drawn = true; light(); }));
  const last = steps() - 1;
  byId('position').max = String(Math.max(0, last));
  state.step = Math.max(0, Math.min(state.step, last));
  byId('position').value = String(state.step);
  for (const id of ['play', 'back', 'forward', 'position']) byId(id).disabled = last < 1;
}

const steps = () => axes.every(axis => axis.works) ? axes[0].drivers * axes[1].drivers : 0;

/** What is lit: the cell under the pointer, or else the step. */
function light() {
  if (!drawn) return;
  byId('position').value = String(state.step);
  const here = steps() ? { side: 'driver', row: Math.floor(state.step / axes[1].drivers), column: state.step % axes[1].drivers } : null;
  const focus = hovered ?? here;
  scene.light(focus);
  byId('explain').textContent = focus ? explain(scene, focus, values) : 'No window fits.';
}

function goTo(index) {
  hovered = null;
  state.step = index;
  light();
  if (!playing()) url.write('arithmetic', toAddress(state));
}

const step = by => { if (steps()) goTo((state.step + by + steps()) % steps()); };
const playing = () => timer !== 0;

function play() {
  timer = setInterval(() => step(1), Tick);
  byId('play').textContent = 'Pause';
  byId('explain').ariaLive = 'off';
  step(1);
}

function stop() {
  if (!playing()) return;
  clearInterval(timer);
  timer = 0;
  byId('play').textContent = 'Play';
  byId('explain').ariaLive = 'polite';
  url.write('arithmetic', toAddress(state));
}

function listen(root) {
  const at = event => {
    const box = root.getBoundingClientRect();
    return drawn ? scene.at(event.clientX - box.left, event.clientY - box.top) : null;
  };
  root.onpointermove = onceAFrame(event => { if (!playing()) { hovered = at(event); light(); } });
  root.onpointerleave = () => requestAnimationFrame(() => { hovered = null; light(); });
  root.onpointerdown = event => {
    const cell = at(event);
    stop();
    if (cell?.side === 'driver' && steps()) goTo(cell.row * axes[1].drivers + cell.column);
    else if (cell) { hovered = cell; light(); }
  };
  root.onkeydown = event => {
    const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
    if (event.key === ' ') playing() ? stop() : play();
    else if (event.key === 'Enter') { cursor = cursor === 'driver' ? 'plane' : 'driver'; moveCursor(0, 0); }
    else if (event.key in moves) moveCursor(...moves[event.key]);
    else return;
    event.preventDefault();
  };
}

function moveCursor(down, right) {
  stop();
  const name = cursor === 'driver' ? 'drivers' : 'plane', [rows, columns] = axes.map(axis => axis[name]);
  if (!rows || !columns || !steps()) return;
  const from = cursor === 'driver'
    ? { row: Math.floor(state.step / columns), column: state.step % columns }
    : hovered?.side === 'plane' ? hovered : { row: 0, column: 0 };
  const row = Math.min(rows - 1, Math.max(0, from.row + down)), column = Math.min(columns - 1, Math.max(0, from.column + right));
  if (cursor === 'driver') goTo(row * columns + column);
  else { hovered = { side: 'plane', row, column }; light(); }
}

/** Asks the service for the sizes, and then for the values; what is on its way for an older state is given up. */
const ask = debounce(80, async () => {
  calls?.abort();
  calls = new AbortController();
  const { signal } = calls, [h, w] = axes, parameters = parametersOf(state), { input, weight } = values;
  try {
    const answer = await postJson(`v1/${state.op}/shape`, { inputShape: [1, 1, h.input, w.input], weightShape: [1, 1, h.kernel, w.kernel], ...parameters }, signal);
    if (signal.aborted) return;
    showAnswer(answer);
    showProblem(byId('arithmetic-problem'), null);
    if (answer.outputShape[2] * answer.outputShape[3] > MostValues) return;
    const { output } = await postJson(`v1/${state.op}`, { input: [[input]], weight: [[weight]], ...parameters }, signal);
    if (signal.aborted) return;
    const columns = output.shape[3];
    values.output = Array.from({ length: output.shape[2] }, (_, row) => output.data.slice(row * columns, (row + 1) * columns));
    if (drawing.idle) drawing.run(scene.writeOutput(values)); // or else the drawing comes to it
    light();
  } catch (error) {
    if (signal.aborted) return;
    if (!(error instanceof ServiceProblem)) throw error;
    showAnswer(null, error.problem);
    showProblem(byId('arithmetic-problem'), error.problem, suggestion => { change(withSuggestion(state, suggestion)); byId('scene').focus(); });
  }
});

/** Shows what /shape answered; of a refusal, which axes do not work. */
function showAnswer(answer, problem = null) {
  const faults = problem?.errors ?? [];
  for (const name of ['height', 'width']) {
    const refused = faults.some(fault => fault.axis === name);
    byId(`formula-${name}`).textContent = answer?.axes.find(axis => axis.name === name)?.formula ?? (refused ? 'does not work' : '–');
    byId(`formula-${name}`).classList.toggle('refused', refused);
  }

  byId('multiply-adds').textContent = answer ? count(answer.multiplyAdds) : '–';
  byId('parameters').textContent = answer ? count(answer.parameters) : '–';
  byId('output-bytes').textContent = answer ? bytes(answer.outputBytes) : '–';
  byId('notes').replaceChildren(...(answer ? saidOnce(answer.notes) : ['The sizes have to work first.']).map(note => element('li', {}, note)));
}
