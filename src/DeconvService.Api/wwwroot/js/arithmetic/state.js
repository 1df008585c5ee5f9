// What the arithmetic view shows: pure data, and its form in the address.

/** The numbers of an axis: what they are called, their bounds, and their name in the address. */
export const fields = [
  { name: 'size', label: 'Input', least: 1, most: 128, initial: 5 },
  { name: 'kernel', label: 'Kernel', least: 1, most: 63, initial: 3 },
  { name: 'stride', label: 'Stride', least: 1, most: 16, initial: 1 },
  { name: 'begin', label: 'Padding, begin', least: 0, most: 64, initial: 0 },
  { name: 'end', label: 'Padding, end', least: 0, most: 64, initial: 0 },
  { name: 'dilation', label: 'Dilation', least: 1, most: 16, initial: 1 },
  { name: 'outputPadding', label: 'Output padding', least: 0, most: 15, initial: 0, only: 'conv-transpose' },
];

const choices = {
  op: ['conv', 'conv-transpose'],
  padding: ['numbers', 'same-upper', 'same-lower'],
  fit: ['exact', 'floor'],
  show: ['values', 'overlap'],
  code: ['curl', 'PyTorch', 'Keras', 'ONNX', 'numpy'],
};

/** A state from values per axis ([height, width], or one number for both) and choices. */
export function makeState(given = {}) {
  const state = { apart: false, step: 0 };
  for (const [name, values] of Object.entries(choices)) state[name] = values.includes(given[name]) ? given[name] : values[0];
  for (const axis of [0, 1]) {
    const numbers = {};
    for (const { name, least, most, initial } of fields) {
      const value = Array.isArray(given[name]) ? given[name][axis] : given[name];
      numbers[name] = Number.isInteger(value) ? Math.min(most, Math.max(least, value)) : initial;
    }

    state[axis === 0 ? 'height' : 'width'] = numbers;
  }

  state.apart = fields.some(({ name }) => state.height[name] !== state.width[name]) || given.apart === true;
  state.step = Number.isInteger(given.step) && given.step > 0 ? given.step : 0;
  return state;
}

/** Reads a state from the address; what makes no sense there becomes the default. */
export function fromAddress(parameters) {
  const given = { apart: parameters.get('apart') === '1' };
  for (const name of Object.keys(choices)) given[name] = parameters.get(name) ?? undefined;
  for (const { name } of fields) {
    const numbers = (parameters.get(name) ?? '').split('x').map(text => /^\d{1,4}$/.test(text) ? Number(text) : undefined);
    given[name] = numbers.length === 2 ? numbers : numbers[0];
  }

  given.step = Number(parameters.get('step') ?? 0);
  return makeState(given);
}

/** The state as parameters of the address; defaults are left out. */
export function toAddress(state) {
  const entries = { op: state.op };
  for (const { name, initial } of fields) {
    const [h, w] = [state.height[name], state.width[name]];
    if (h !== w) entries[name] = `${h}x${w}`;
    else if (h !== initial || name === 'size' || name === 'kernel') entries[name] = h;
  }

  for (const [name, values] of Object.entries(choices))
    if (state[name] !== values[0]) entries[name] = state[name];
  if (state.apart && fields.every(({ name }) => state.height[name] === state.width[name])) entries.apart = 1;
  if (state.step > 0) entries.step = state.step;
  return entries;
}

/** The parameters of a call, as /v1/conv and /v1/conv-transpose take them; defaults are left out. */
export function parametersOf(state) {
  const { height: h, width: w } = state;
  const both = name => h[name] === w[name] ? h[name] : [h[name], w[name]];
  const parameters = {};
  if (h.stride > 1 || w.stride > 1) parameters.stride = both('stride');
  if (state.padding !== 'numbers') parameters.padding = state.padding;
  else if (h.begin || h.end || w.begin || w.end) parameters.padding = numbersOfPadding(h, w);
  if (h.dilation > 1 || w.dilation > 1) parameters.dilation = both('dilation');
  if (state.op === 'conv' && state.fit === 'floor') parameters.fit = 'floor';
  if (state.op === 'conv-transpose' && state.padding === 'numbers' && (h.outputPadding || w.outputPadding)) parameters.outputPadding = both('outputPadding');
  return parameters;
}

function numbersOfPadding(h, w) {
  if (h.begin !== h.end || w.begin !== w.end) return [[h.begin, h.end], [w.begin, w.end]];
  return h.begin === w.begin ? h.begin : [h.begin, w.begin];
}

/** The state after a suggestion of the service. */
export function withSuggestion(state, suggestion) {
  const next = structuredClone(state);
  const perAxis = value => Array.isArray(value) ? value : [value, value];
  for (const name of ['stride', 'kernel', 'dilation', 'outputPadding'])
    if (name in suggestion) [next.height[name], next.width[name]] = perAxis(suggestion[name]);
  if ('fit' in suggestion) next.fit = suggestion.fit;
  if (typeof suggestion.padding === 'string') next.padding = suggestion.padding;
  else if ('padding' in suggestion) {
    next.padding = 'numbers';
    perAxis(suggestion.padding).forEach((pair, axis) => {
      const numbers = axis === 0 ? next.height : next.width;
      [numbers.begin, numbers.end] = perAxis(pair);
    });
  }

  next.step = 0;
  next.apart ||= fields.some(({ name }) => next.height[name] !== next.width[name]);
  return next;
}
