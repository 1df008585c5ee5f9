// The peer of the throughput benchmark: POST /image answers a picture twice as large, by the same network as the service.
//   node server.mjs PORT model.onnx          set up with: npm ci --ignore-scripts
import fastify from 'fastify';
import ort from 'onnxruntime-node';
import sharp from 'sharp';

const [port, model] = process.argv.slice(2);
const halo = 7; // what the network consumes on each side
const session = await ort.InferenceSession.create(model); // all cores, as by default
const app = fastify({ bodyLimit: 256 << 20 });
app.addContentTypeParser(/^image\//, { parseAs: 'buffer' }, (request, body, done) => done(null, body));

app.get('/health/ready', async () => 'ready');

app.post('/image', async (request, reply) => {
  const { data, info } = await sharp(request.body)
    .removeAlpha().toColourspace('srgb')
    .extend({ top: halo, bottom: halo, left: halo, right: halo, extendWith: 'copy' })
    .raw().toBuffer({ resolveWithObject: true });
  const plane = info.width * info.height, input = new Float32Array(3 * plane);
  for (let i = 0, p = 0; p < plane; p++) {
    input[p] = data[i++] / 255;
    input[plane + p] = data[i++] / 255;
    input[2 * plane + p] = data[i++] / 255;
  }

  const result = await session.run({ [session.inputNames[0]]: new ort.Tensor('float32', input, [1, 3, info.height, info.width]) });
  const { data: y, dims: [, , height, width] } = result[session.outputNames[0]];
  const pixels = Buffer.allocUnsafe(3 * width * height), size = width * height;
  for (let i = 0, p = 0; p < size; p++) {
    pixels[i++] = Math.min(255, Math.max(0, y[p] * 255 + 0.5));
    pixels[i++] = Math.min(255, Math.max(0, y[size + p] * 255 + 0.5));
    pixels[i++] = Math.min(255, Math.max(0, y[2 * size + p] * 255 + 0.5));
  }

  return reply.type('image/png').send(await sharp(pixels, { raw: { width, height, channels: 3 } }).png().toBuffer());
});

await app.listen({ port: Number(port), host: '127.0.0.1' });
