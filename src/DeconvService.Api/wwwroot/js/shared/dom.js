// Elements without markup in strings: text is always text.

const SVG = 'http://www.w3.org/2000/svg';

/** The element with this id. */
export const byId = id => document.getElementById(id);

/** Makes an element; a property that the element has is set as a property, any other as an attribute. */
export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (key in made) made[key] = value;
    else made.setAttribute(key, value);
  }

  made.append(...children.filter(child => child !== null && child !== undefined));
  return made;
}

/** Makes an SVG element. */
export function svg(name, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** Calls the function once things have been quiet for some milliseconds. */
export function debounce(milliseconds, run) {
  let timer = 0;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(run, milliseconds, ...given);
  };
}

/** Calls the function at most once a frame, with the last arguments. */
export function onceAFrame(run) {
  let last = null;
  return (...given) => {
    if (last === null) requestAnimationFrame(() => { const now = last; last = null; run(...now); });
    last = given;
  };
}

/**
 * What such work may take of a frame's 16 ms: milliseconds of its own, and new nodes, which cost the browser about 0.03 ms each to lay out
 * and paint.
 */
const ShareOfTime = 4, ShareOfNodes = 150;

/**
 * Spreads work over frames: run(steps) takes a generator and goes from one of its steps to the next, in every frame as far as its share
 * goes. A step may yield how many nodes it made or took away. Newer work takes the place of what is not done. idle says whether nothing is left.
 */
export function overFrames() {
  let work = null, frame = 0;
  const go = () => {
    const end = performance.now() + ShareOfTime;
    frame = 0;
    for (let nodes = 0; work && nodes < ShareOfNodes && performance.now() < end;) {
      const { done, value } = work.next();
      if (done) work = null;
      nodes += value ?? 0;
    }

    if (work) frame = requestAnimationFrame(go);
  };
  return {
    run(steps) { work = steps; frame ||= requestAnimationFrame(go); },
    get idle() { return work === null; },
  };
}

/** Copies the text of an element and says so on the button; where a page may not copy (no HTTPS), the text is selected instead. */
export async function copyText(source, button) {
  const label = button.textContent;
  try {
    await navigator.clipboard.writeText(source.textContent);
    button.textContent = 'Copied';
  } catch {
    getSelection().selectAllChildren(source);
    button.textContent = 'Selected';
  }

  setTimeout(() => { button.textContent = label; }, 1500);
}

/** A whole number with thin spaces between thousands, at which no line breaks. */
export const count = value => Math.round(value).toString().replace(/\B(?=(\d{3})+$)/g, '\u202f');

/** Bytes for people. */
export function bytes(value) {
  const units = ['bytes', 'KiB', 'MiB', 'GiB'];
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) { value /= 1024; unit++; }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 1 : 0)} ${units[unit]}`;
}

/** Milliseconds for people. */
export const duration = value => value >= 1000 ? `${(value / 1000).toFixed(1)} s` : `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
