// The sentence under the drawing: what the lit cell is made of.

const Terms = 6;
const factor = value => value < 0 ? `(${minus(value)})` : `${value}`;
const minus = value => String(value).replace('-', '−');

/** Says what a focus shows. values: {input, weight, output}. */
export function explain(scene, focus, values) {
  const { side, row, column } = focus;
  const onInput = (side === 'driver') === scene.transposed;
  const { met, real } = scene.relate(focus);
  const name = `${onInput ? 'input' : 'output'}[${row}, ${column}]`;
  if (!onInput) {
    const terms = real.map(({ tap, cell }) => {
      const [y, x] = cell;
      return `${minus(values.input[y][x])}·${factor(values.weight[tap[0]][tap[1]])}`;
    });
    const known = values.output?.[row]?.[column];
    const sum = terms.length === 0 ? '0' : terms.slice(0, Terms).join(' + ') + (terms.length > Terms ? ' + …' : '');
    const padding = met.length > real.length ? `, ${met.length - real.length} in the padding` : '';
    return `${name} = ${sum}${known === undefined ? '' : ` = ${minus(known)}`}   (${plural(real.length, 'product')}${padding})`;
  }

  const value = `${name} = ${minus(values.input[row][column])}`;
  if (!scene.transposed) return real.length ? `${value} feeds ${plural(real.length, 'output cell')}` : `${value} feeds no output cell`;
  const cropped = met.length - real.length;
  return `${value} is spread over ${plural(real.length, 'output cell')}${cropped ? `, ${cropped} more are cropped` : ''}`;
}

const plural = (number, noun) => `${number} ${noun}${number === 1 ? '' : 's'}`;
