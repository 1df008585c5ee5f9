// Combinations worth looking at. Where the difference between two is what matters, the preset has both, and a link leads from each to the other.

import { makeState, toAddress } from './state.js';

export const presets = [
  { name: '55 → 75 → 95', about: 'A convolution that enlarges: padding 20, kernel 21. Feed the output in again for 95 and 115.', given: { op: 'conv', size: 55, kernel: 21, begin: 20, end: 20 } },
  { name: 'Same', about: 'The output is as large as the input.', given: { op: 'conv', size: 6, kernel: 3, padding: 'same-upper' } },
  { name: 'Strided', about: 'Stride 2 halves the size.', given: { op: 'conv', size: 7, kernel: 3, stride: 2, begin: 1, end: 1 } },
  { name: 'Dilated', about: 'Gaps in the kernel: 3 taps reach over 5 cells.', given: { op: 'conv', size: 8, kernel: 3, dilation: 2 } },
  { name: 'Does not fit', about: 'The last window would stick out: one row and one column are left over.', given: { op: 'conv', size: 8, kernel: 3, stride: 2 } },
  { name: 'U-Net up-convolution', about: 'Kernel 2, stride 2: every output cell is made by one input cell.', given: { op: 'conv-transpose', size: 4, kernel: 2, stride: 2 } },
  { name: 'Checkerboard', about: 'Kernel 3 is no multiple of stride 2: the kernels overlap unevenly.', given: { op: 'conv-transpose', size: 4, kernel: 3, stride: 2, show: 'overlap' } },
  { name: 'Even overlap', about: 'Kernel 4 is a multiple of stride 2: away from the border all cells get the same number of products.', given: { op: 'conv-transpose', size: 4, kernel: 4, stride: 2, begin: 1, end: 1, show: 'overlap' } },
  {
    name: 'TensorFlow or PyTorch', link: 'See TensorFlow’s SAME', given: { op: 'conv', size: 8, kernel: 3, stride: 2, padding: 'same-upper' },
    about: 'TensorFlow’s SAME pads 0 at the beginning and 1 at the end: the first window begins on the first cell.',
    other: {
      link: 'See PyTorch’s padding=1', given: { op: 'conv', size: 8, kernel: 3, stride: 2, begin: 1, end: 1, fit: 'floor' },
      about: 'PyTorch’s padding=1: the same size, but every window begins one cell earlier. Weights of the one see a shifted picture in the other.',
    },
  },
];

const key = state => JSON.stringify(toAddress({ ...state, code: 'curl', step: 0 }));
const known = new Map(presets.flatMap(preset => {
  const entry = (shown, other) => [key(makeState(shown.given)), { preset, shown, other }];
  return preset.other ? [entry(preset, preset.other), entry(preset.other, preset)] : [entry(preset)];
}));

/** What a state is: the preset, which of its two combinations is shown, and the other one if there is one; or undefined. */
export const presetOf = state => known.get(key(state));
