// ONNX Runtime on the CPU as a timing peer. One JSON request a line on stdin, one JSON answer a line on stdout:
//
//   {"layer": {"kind": "conv" | "conv-transpose", "input": [N,C,D1..Dn], "output": F, "kernel": [..], "stride": [..],
//              "padding": [begins.., ends..], "dilation": [..], "outputPadding": [..], "groups": 1}, "threads": 1, "seconds": 0.5}
//   {"model": "file.onnx", "input": [N,C,H,W], "threads": 1, "seconds": 0.5}
//   {"dispose": true}
//
// Answer: {"medianMs", "minMs", "runs", "outputShape", "grownBytes"} or {"error"}; the last is the peak of the resident memory less what the
// process had before the first request. A layer becomes a network of one node whose weight and bias are
// initialisers, so ONNX Runtime packs them beforehand. The session is kept until another layer, model or thread count is asked for,
// so that two programs can be timed in turn.
import * as readline from 'node:readline';
import ort from 'onnxruntime-node';

// Protocol buffers by hand: a field is its number and wire type, then a varint or a length and bytes.
function varint(value) {
  const bytes = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}
const number = (field, value) => Buffer.concat([varint(field << 3), varint(value)]);
const message = (field, ...parts) => {
  const body = Buffer.concat(parts);
  return Buffer.concat([varint((field << 3) | 2), varint(body.length), body]);
};
const text = (field, value) => message(field, Buffer.from(value));

// The field numbers are those of onnx.proto.
const intAttribute = (name, value) => message(5, text(1, name), number(3, value), number(20, 2));
const intsAttribute = (name, values) => message(5, text(1, name), ...values.map((v) => number(8, v)), number(20, 7));
const initializer = (name, sizes, values) => message(5, ...sizes.map((v) => number(1, v)), number(2, 1), text(8, name), message(9, Buffer.from(values.buffer)));
const valueInfo = (field, name, sizes) =>
  message(field, text(1, name), message(2, message(1, number(1, 1), ...(sizes ? [message(2, ...sizes.map((v) => message(1, number(1, v))))] : []))));

const countOf = (sizes) => sizes.reduce((a, b) => a * b, 1);
const uniform = (count, bound) => Float32Array.from({ length: count }, () => (2 * Math.random() - 1) * bound);

function layerAsModel(layer) {
  const transposed = layer.kind === 'conv-transpose';
  const groups = layer.groups ?? 1;
  const inputs = layer.input[1];
  const channels = transposed ? [inputs, layer.output / groups] : [layer.output, inputs / groups];
  const weight = [...channels, ...layer.kernel];
  const attributes = [
    intsAttribute('kernel_shape', layer.kernel), intsAttribute('strides', layer.stride), intsAttribute('pads', layer.padding),
    intsAttribute('dilations', layer.dilation ?? layer.kernel.map(() => 1)), intAttribute('group', groups),
  ];
  if (transposed) attributes.push(intsAttribute('output_padding', layer.outputPadding ?? layer.kernel.map(() => 0)));
  const node = message(1, text(1, 'x'), text(1, 'w'), text(1, 'b'), text(2, 'y'), text(4, transposed ? 'ConvTranspose' : 'Conv'), ...attributes);
  const graph = [node, text(2, 'layer'), initializer('w', weight, uniform(countOf(weight), 0.1)), initializer('b', [layer.output], uniform(layer.output, 1)),
    valueInfo(11, 'x', layer.input), valueInfo(12, 'y')];
  return Buffer.concat([number(1, 8), message(7, ...graph), message(8, number(2, 13))]);
}

const bytesAtStart = process.memoryUsage().rss;

// Three times, so that neither the first run nor a single disturbed one counts; runs of seconds are not repeated for that.
const isEnough = (runs, begin) => runs >= 3 || (runs >= 1 && performance.now() - begin > 1000);

let kept = { key: '', session: undefined, feeds: undefined };

async function open(request) {
  const key = JSON.stringify([request.layer ?? request.model, request.input, request.threads]);
  if (kept.key === key) return;
  await kept.session?.release();
  kept = { key: '' };
  const source = request.layer ? layerAsModel(request.layer) : request.model;
  const session = await ort.InferenceSession.create(source, { intraOpNumThreads: request.threads ?? 1, interOpNumThreads: 1 });
  const sizes = request.layer?.input ?? request.input;
  const values = uniform(countOf(sizes), 1);
  const feeds = { [session.inputNames[0]]: new ort.Tensor('float32', request.layer ? values : values.map(Math.abs), sizes) };
  for (let runs = 0, begin = performance.now(); !isEnough(runs, begin); runs++) await session.run(feeds);
  kept = { key, session, feeds };
}

async function answer(request) {
  if (request.dispose) {
    await kept.session?.release();
    kept = { key: '' };
    return {};
  }

  await open(request);
  const times = [];
  let output;
  for (const begin = performance.now(); !isEnough(times.length, begin) || (performance.now() - begin < 1000 * (request.seconds ?? 0.5) && times.length < 1000);) {
    const start = performance.now();
    output = await kept.session.run(kept.feeds);
    times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  return { medianMs: times[times.length >> 1], minMs: times[0], runs: times.length, outputShape: [...output[kept.session.outputNames[0]].dims],
    grownBytes: (1024 * process.resourceUsage().maxRSS) - bytesAtStart };
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  if (!line.trim()) continue;
  const result = await answer(JSON.parse(line)).catch((error) => ({ error: String(error.message ?? error) }));
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
