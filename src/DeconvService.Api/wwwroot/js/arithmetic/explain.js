// The rule of the sizes in words, and the sentence under the drawing: what the lit cell is made of.

const Terms = 6;
const factor = value => value < 0 ? `(${minus(value)})` : `${value}`;
const minus = value => String(value).replace('-', '−');
const plural = (number, noun) => `${number} ${noun}${number === 1 ? '' : 's'}`;

/** The rule that the numbers of the formulas follow, in the same order. */
export function ruleOf(state) {
  const kernel = state.height.dilation + state.width.dilation > 2 ? '((kernel − 1)·dilation + 1)' : 'kernel';
  return state.op === 'conv'
    ? `(input + begin + end − ${kernel})/stride + 1`
    : `(input − 1)·stride + ${kernel} − begin − end + output padding`;
}

/** Says what a focus shows. values: {input, weight, output}. */
export function explain(scene, focus, values) {
  const { side, row, column } = focus;
  const onInput = (side === 'driver') === scene.transposed;
  const { rows, columns, rowsIn, columnsIn } = scene.relate(focus);
  const real = rowsIn.length * columnsIn.length, lost = rows.length * columns.length - real;
  const name = `${onInput ? 'input' : 'output'}[${row}, ${column}]`;
  if (!onInput) {
    const pairs = rowsIn.slice(0, Terms).flatMap(y => columnsIn.map(x => [y, x])).slice(0, Terms);
    const terms = pairs.map(([y, x]) => `${minus(values.input[y.at][x.at])}·${factor(values.weight[y.k][x.k])}`);
    const known = values.output?.[row]?.[column];
    const sum = real === 0 ? '0' : terms.join(' + ') + (real > Terms ? ' + …' : '');
    return `${name} = ${sum}${known === undefined ? '' : ` = ${minus(known)}`}   (${plural(real, 'product')}${lost ? `, ${lost} in the padding` : ''})`;
  }

  const value = `${name} = ${minus(values.input[row][column])}`;
  if (!scene.transposed) return real ? `${value} feeds ${plural(real, 'output cell')}` : `${value} feeds no output cell`;
  return `${value} is spread over ${plural(real, 'output cell')}${lost ? `, ${lost} more are cropped` : ''}`;
}
