// Computes the goldens of OperatorGoldenTests with ONNX Runtime:
//   ONNX_CASES=/tmp/cases dotnet run --project tests/DeconvService.Onnx.Tests -- -explicit only -method '*WriteCases'
//   npm install onnxruntime-node@1.30.0 --ignore-scripts && node operators.mjs /tmp/cases operators.json
import * as fs from 'node:fs';
import ort from 'onnxruntime-node';

const [folder, target] = process.argv.slice(2);
const lines = [];
for (const { name, file, shape, data } of JSON.parse(fs.readFileSync(`${folder}/cases.json`, 'utf8'))) {
  try {
    const session = await ort.InferenceSession.create(`${folder}/${file}`, { logSeverityLevel: 3 });
    const { y } = await session.run({ x: new ort.Tensor('float32', Float32Array.from(data), shape) });
    const values = Array.from(y.data, (value) => Number(value.toPrecision(9)));
    lines.push(`${JSON.stringify(name)}:${JSON.stringify({ shape: y.dims, data: values })}`);
  } catch (error) {
    console.error(`${name}: ${error.message}`);
  }
}
fs.writeFileSync(target, `{\n${lines.join(',\n')}\n}\n`);
console.log(`${lines.length} goldens`);
