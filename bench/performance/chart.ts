/** A line chart as SVG, without a library: the same data give the same bytes, and it reads well on light and dark pages. */
export interface Chart {
  title: string;
  x: Axis;
  y: Axis;
  series: readonly Series[];
  /** A point to reach. */
  target?: { x: number; y: number };
}

export interface Axis {
  /** With its unit. */
  label: string;
  scale: 'linear' | 'log';
  ticks: readonly number[];
}

export interface Series {
  name: string;
  color: 'bun' | 'node';
  dashed: boolean;
  points: readonly { x: number; y: number }[];
}

const WIDTH = 760;
const HEIGHT = 400;
const LEFT = 72;
const RIGHT = 32;
const TOP = 84;
const BOTTOM = 60;
/** More would hide the line. */
const MOST_DOTS = 20;

/** Who looks at the page by night sees the second of each. */
const STYLE = `
  text { font: 13px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328; }
  .title { font-size: 16px; font-weight: 600; }
  .tick, .target { font-size: 12px; fill: #59636e; }
  .page { fill: #ffffff; stroke: #d1d9e0; }
  .grid { stroke: #d1d9e0; }
  .line { fill: none; stroke-width: 2.25; stroke-linejoin: round; }
  .dashed { stroke-dasharray: 6 5; }
  .bun { stroke: #bc4c00; } circle.bun { fill: #bc4c00; }
  .node { stroke: #0969da; } circle.node { fill: #0969da; }
  .goal { stroke: #1a7f37; fill: none; stroke-width: 2; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; }
    .tick, .target { fill: #9198a1; }
    .page { fill: #0d1117; stroke: #3d444d; }
    .grid { stroke: #2a313c; }
    .bun { stroke: #f0883e; } circle.bun { fill: #f0883e; }
    .node { stroke: #4493f8; } circle.node { fill: #4493f8; }
    .goal { stroke: #3fb950; }
  }`;

export function renderChart({ title, x, y, series, target }: Chart): string {
  const atX = position(x, LEFT, WIDTH - RIGHT);
  const atY = position(y, HEIGHT - BOTTOM, TOP);
  const at = (point: { x: number; y: number }): string => `${px(atX(point.x))},${px(atY(point.y))}`;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-label="${escaped(title)}">`,
    `<style>${STYLE}\n</style>`,
    `<rect class="page" x="0.5" y="0.5" width="${WIDTH - 1}" height="${HEIGHT - 1}" rx="8"/>`,
    text(title, { x: LEFT, y: 30, class: 'title' }),
    ...legend(series, target !== undefined),
    ...y.ticks.flatMap((tick) => [
      `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${px(atY(tick))}" y2="${px(atY(tick))}"/>`,
      text(shown(tick), { x: LEFT - 8, y: atY(tick) + 4, class: 'tick', anchor: 'end' }),
    ]),
    ...x.ticks.map((tick) =>
      text(shown(tick), { x: atX(tick), y: HEIGHT - BOTTOM + 20, class: 'tick', anchor: 'middle' }),
    ),
    text(x.label, { x: (LEFT + WIDTH - RIGHT) / 2, y: HEIGHT - 16, anchor: 'middle' }),
    `<text transform="translate(20 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle">${escaped(y.label)}</text>`,
    ...series.flatMap(({ color, dashed, points }) => [
      `<polyline class="line ${color}${dashed ? ' dashed' : ''}" points="${points.map(at).join(' ')}"/>`,
      ...(points.length > MOST_DOTS ? [] : points).map(
        (point) =>
          `<circle class="${color}" cx="${px(atX(point.x))}" cy="${px(atY(point.y))}" r="${dashed ? 2.5 : 3.5}"/>`,
      ),
    ]),
    ...(target === undefined
      ? []
      : [`<circle class="goal" cx="${px(atX(target.x))}" cy="${px(atY(target.y))}" r="7"/>`]),
    '</svg>',
  ];
  return `${parts.join('\n')}\n`;
}

function legend(series: readonly Series[], hasTarget: boolean): string[] {
  const entries = series.map(({ name, color, dashed }, n) => {
    const left = LEFT + n * 150;
    return `<line class="line ${color}${dashed ? ' dashed' : ''}" x1="${left}" x2="${left + 26}" y1="52" y2="52"/>${text(name, { x: left + 32, y: 56 })}`;
  });
  const left = LEFT + series.length * 150;
  const goal = `<circle class="goal" cx="${left + 13}" cy="52" r="7"/>${text('target', { x: left + 28, y: 56 })}`;
  return hasTarget ? [...entries, goal] : entries;
}

/** From a value to its place between two others in the picture; what is outside of the axis is drawn at its end. */
function position({ scale, ticks }: Axis, from: number, to: number): (value: number) => number {
  const along = (value: number): number => (scale === 'log' ? Math.log(value) : value);
  const [low, high] = [along(ticks[0] ?? 0), along(ticks.at(-1) ?? 1)];
  return (value) => {
    const share = (along(value) - low) / (high - low);
    return from + Math.min(1, Math.max(0, share)) * (to - from);
  };
}

/** From 0 to above the highest value, in five steps or so of a round size. */
export function linearTicks(values: readonly number[]): number[] {
  const highest = Math.max(...values);
  if (!(highest > 0 && Number.isFinite(highest))) return [0, 1];
  const power = 10 ** Math.floor(Math.log10(highest / 5));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((each) => highest / each <= 5) ?? power;
  return Array.from({ length: Math.ceil(highest / step) + 1 }, (_, n) => Number((n * step).toPrecision(12)));
}

/** The powers of ten around the values. */
export function logTicks(values: readonly number[]): number[] {
  const low = Math.floor(Math.log10(Math.min(...values)));
  const high = Math.ceil(Math.log10(Math.max(...values)));
  return Array.from({ length: Math.max(high - low, 1) + 1 }, (_, n) => Number((10 ** (low + n)).toPrecision(12)));
}

const px = (value: number): string => String(Number(value.toFixed(1)));
const shown = (value: number): string => value.toLocaleString('en', { maximumFractionDigits: 3 });
const escaped = (value: string): string =>
  value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');

function text(value: string, place: { x: number; y: number; class?: string; anchor?: 'middle' | 'end' }): string {
  const ofClass = place.class === undefined ? '' : ` class="${place.class}"`;
  const anchor = place.anchor === undefined ? '' : ` text-anchor="${place.anchor}"`;
  return `<text${ofClass}${anchor} x="${px(place.x)}" y="${px(place.y)}">${escaped(value)}</text>`;
}
