// The same layer elsewhere, to copy. Every text is made from the numbers on the screen.

import { inputOf, weightOf } from './geometry.js';
import { parametersOf } from './state.js';

/** Numbers of a request that are still written out in the curl line. */
const Written = 150;

/** Code for the layer, by name of the language. */
export const snippets = (state, axes, origin) => {
  const layer = describe(state, axes);
  return { curl: curl(state, layer, origin), PyTorch: pytorch(layer), Keras: keras(layer, state), ONNX: onnx(layer), numpy: numpy(layer) };
};

function describe(state, [h, w]) {
  const [kh, kw] = [h.kernel, w.kernel], pair = name => h[name] === w[name] ? `${h[name]}` : `(${h[name]}, ${w[name]})`;
  return {
    h, w, kh, kw, transposed: state.op === 'conv-transpose', symmetric: h.begin === h.end && w.begin === w.end,
    kernel: kh === kw ? `${kh}` : `(${kh}, ${kw})`, padded: h.begin + h.end + w.begin + w.end > 0,
    remainder: h.remainder + w.remainder > 0,
    stride: pair('stride'), dilation: pair('dilation'), padding: pair('begin'), outputPadding: pair('outputPadding'),
  };
}

function curl(state, layer, origin) {
  const { h, w, kh, kw } = layer, parameters = parametersOf(state);
  const post = (path, body) => `curl -s ${origin}/v1/${path} -H 'Content-Type: application/json' \\\n  -d '${JSON.stringify(body)}'`;
  if (h.input * w.input + kh * kw > Written)
    return `# the sizes alone; the tensors go as .npy files: curl -F input=@x.npy -F weight=@w.npy ...\n${post(`${state.op}/shape`, { inputShape: [1, 1, h.input, w.input], weightShape: [1, 1, kh, kw], ...parameters })}`;
  return post(state.op, { input: [[inputOf(h.input, w.input)]], weight: [[weightOf(kh, kw)]], ...parameters });
}

const some = (...parts) => parts.filter(part => part).join(', ');
const unless = (value, initial, text) => value === initial ? '' : text;

function pytorch(layer) {
  const { h, w, symmetric, transposed, stride, dilation, padding, outputPadding, kernel } = layer;
  const head = `import torch\nfrom torch import nn\nfrom torch.nn import functional as F\n\nx = torch.rand(1, 1, ${h.input}, ${w.input})\n`;
  const common = some('1, 1', `kernel_size=${kernel}`, unless(stride, '1', `stride=${stride}`), unless(dilation, '1', `dilation=${dilation}`));
  if (transposed) {
    const args = some(common, symmetric && unless(padding, '0', `padding=${padding}`), unless(outputPadding, '0', `output_padding=${outputPadding}`));
    const crop = symmetric ? '' : `\ny = y[..., ${slice(h)}, ${slice(w)}]  # crops differently at both ends`;
    return `${head}y = nn.ConvTranspose2d(${args}, bias=False)(x)${crop}\nprint(y.shape)  # ${shape(layer)}`;
  }

  const pad = symmetric ? '' : `x = F.pad(x, (${w.begin}, ${w.end}, ${h.begin}, ${h.end}))  # left, right, top, bottom\n`;
  const floor = layer.remainder ? '  # PyTorch drops the remainder without a word' : '';
  return `${head}${pad}y = nn.Conv2d(${some(common, symmetric && unless(padding, '0', `padding=${padding}`))}, bias=False)(x)${floor}\nprint(y.shape)  # ${shape(layer)}`;
}

const slice = axis => `${axis.begin}:${axis.end ? `-${axis.end}` : ''}`;
const shape = ({ h, w }) => `(1, 1, ${h.output}, ${w.output})`;

function keras(layer, state) {
  const { h, w, transposed, kernel, padded } = layer;
  const both = h.stride * w.stride > 1 && h.dilation * w.dilation > 1 ? '# Keras itself refuses strides and dilation_rate above 1 together.\n' : '';
  const head = `import keras\nfrom keras import layers\n\n# channels last: (N, H, W, C)\n${both}`;
  const stride = h.stride === w.stride ? `${h.stride}` : `(${h.stride}, ${w.stride})`;
  const common = some(`1, ${kernel}`, unless(stride, '1', `strides=${stride}`), unless(layer.dilation, '1', `dilation_rate=${layer.dilation}`));
  const borders = `((${h.begin}, ${h.end}), (${w.begin}, ${w.end}))`;
  const lines = [`layers.Input((${h.input}, ${w.input}, 1))`];
  if (transposed) {
    lines.push(`layers.Conv2DTranspose(${common}, output_padding=(${h.outputPadding}, ${w.outputPadding}), use_bias=False)`);
    if (padded) lines.push(`layers.Cropping2D(${borders})`);
  } else if (state.padding === 'same-upper') {
    lines.push(`layers.Conv2D(${common}, padding="same", use_bias=False)`);
  } else {
    if (padded) lines.push(`layers.ZeroPadding2D(${borders})`);
    lines.push(`layers.Conv2D(${common}, use_bias=False)`);
  }

  return `${head}model = keras.Sequential([\n${lines.map(line => `    ${line},\n`).join('')}])\nprint(model.output_shape)  # (None, ${h.output}, ${w.output}, 1)`;
}

function onnx(layer) {
  const { h, w, kh, kw, transposed } = layer;
  return `from onnx import helper

node = helper.make_node(
    "${transposed ? 'ConvTranspose' : 'Conv'}", ["x", "w"], ["y"],
    kernel_shape=[${kh}, ${kw}], strides=[${h.stride}, ${w.stride}], dilations=[${h.dilation}, ${w.dilation}],
    pads=[${h.begin}, ${w.begin}, ${h.end}, ${w.end}],${transposed ? `\n    output_padding=[${h.outputPadding}, ${w.outputPadding}],` : ''}
)  # x (1, 1, ${h.input}, ${w.input}) -> y ${shape(layer)}`;
}

function numpy(layer) {
  const { h, w, kh, kw, transposed } = layer;
  if (transposed)
    return `import numpy as np

x, k = np.random.rand(${h.input}, ${w.input}), np.random.rand(${kh}, ${kw})
full = np.zeros((${h.output + h.begin + h.end}, ${w.output + w.begin + w.end}))
for i in range(${kh}):  # every weight stamps the whole input
    for j in range(${kw}):
        full[i * ${h.dilation}:, j * ${w.dilation}:][:${(h.input - 1) * h.stride + 1}:${h.stride}, :${(w.input - 1) * w.stride + 1}:${w.stride}] += k[i, j] * x
y = full[${slice(h)}, ${slice(w)}]
print(y.shape)  # (${h.output}, ${w.output})`;
  return `import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

x, k = np.random.rand(${h.input}, ${w.input}), np.random.rand(${kh}, ${kw})
padded = np.pad(x, ((${h.begin}, ${h.end}), (${w.begin}, ${w.end})))
windows = sliding_window_view(padded, (${h.effective}, ${w.effective}))[::${h.stride}, ::${w.stride}, ::${h.dilation}, ::${w.dilation}]
y = np.einsum("yxij,ij->yx", windows, k)
print(y.shape)  # (${h.output}, ${w.output})`;
}
