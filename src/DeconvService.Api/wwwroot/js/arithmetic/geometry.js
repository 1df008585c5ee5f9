// Which cells meet. The service has the last word on sizes; these few lines let the drawing follow the controls at once, also where
// the service refuses the combination (the remainder is then shown).

/**
 * The geometry of one axis.
 * driver: the side whose cell i puts the kernel at i * stride - begin on the other side: the output of a convolution, the input of
 * a transposed one. plane: the other side, with its padding (or what is cropped).
 */
export function axisOf(state, name) {
  const { size, kernel, stride, dilation } = state[name];
  const effective = dilation * (kernel - 1) + 1;
  const transposed = state.op === 'conv-transpose';
  let { begin, end, outputPadding } = state[name];
  if (state.padding !== 'numbers') {
    const wanted = transposed ? effective - stride : (Math.ceil(size / stride) - 1) * stride + effective - size;
    const total = Math.max(0, wanted);
    begin = state.padding === 'same-upper' ? Math.floor(total / 2) : Math.ceil(total / 2);
    end = total - begin;
    outputPadding = transposed ? Math.max(0, -wanted) : 0;
  }

  if (transposed) {
    const output = Math.max(0, (size - 1) * stride + effective - begin - end + outputPadding);
    return { kernel, stride, dilation, effective, begin, end, outputPadding, input: size, output, drivers: size, plane: output, remainder: 0, works: output > 0 };
  }

  const span = size + begin + end - effective;
  const output = span < 0 ? 0 : Math.floor(span / stride) + 1;
  const remainder = span < 0 ? 0 : span - (output - 1) * stride;
  const dropped = state.padding !== 'numbers' || state.fit === 'floor';
  return { kernel, stride, dilation, effective, begin, end, outputPadding: 0, input: size, output, drivers: output, plane: size, remainder, works: output > 0 && (dropped || remainder === 0) };
}

/** Both axes, height first. */
export const axesOf = state => [axisOf(state, 'height'), axisOf(state, 'width')];

/** What driver i meets along an axis: tap k lies on cell `at` of the plane, which may be padding. */
export const fromDriver = (axis, i) =>
  Array.from({ length: axis.kernel }, (_, k) => ({ k, at: i * axis.stride + k * axis.dilation - axis.begin }));

/** What cell p of the plane meets along an axis: the drivers `at` that reach it with tap k. */
export function fromPlane(axis, p) {
  const met = [];
  for (let k = 0; k < axis.kernel; k++) {
    const distance = p + axis.begin - k * axis.dilation;
    const at = distance / axis.stride;
    if (distance >= 0 && Number.isInteger(at) && at < axis.drivers) met.push({ k, at });
  }

  return met;
}

/** How many products meet in each cell of the plane, along an axis. */
export function overlapsOf(axis) {
  const counts = Array(axis.plane).fill(0);
  for (let i = 0; i < axis.drivers; i++) {
    for (let k = 0; k < axis.kernel; k++) {
      const at = i * axis.stride + k * axis.dilation - axis.begin;
      if (at >= 0 && at < axis.plane) counts[at]++;
    }
  }

  return counts;
}

/** The input that the view computes with: small whole numbers that differ from their neighbours. */
export const inputOf = (height, width) => grid(height, width, (y, x) => (3 * y + 5 * x + y * x) % 6);

/** The weight that the view computes with: whole numbers from -1 to 2. */
export const weightOf = (height, width) => grid(height, width, (y, x) => ((2 * y + 3 * x + 1) % 4) - 1);

const grid = (height, width, value) =>
  Array.from({ length: height }, (_, y) => Array.from({ length: width }, (_, x) => value(y, x)));
