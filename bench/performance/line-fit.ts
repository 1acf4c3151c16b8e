export interface Point {
  x: number;
  y: number;
}

export interface Line {
  slope: number;
  /** The slope is within so much of it with a confidence of 95 %. */
  halfWidth: number;
}

/** Of the normal distribution; there are always dozens of points. */
const CONFIDENCE_95 = 1.96;

/**
 * Least squares. Neighbouring samples of one process resemble each other, so that they count as fewer than they are: as
 * n (1 - r) / (1 + r), where r is the autocorrelation of what the line leaves over.
 */
export function fitLine(points: readonly Point[]): Line {
  const n = points.length;
  const meanX = mean(points.map(({ x }) => x));
  const meanY = mean(points.map(({ y }) => y));
  const spread = sum(points.map(({ x }) => (x - meanX) ** 2));
  if (n < 3 || spread === 0) return { slope: 0, halfWidth: Number.POSITIVE_INFINITY };
  const slope = sum(points.map(({ x, y }) => (x - meanX) * (y - meanY))) / spread;
  const rest = points.map(({ x, y }) => y - meanY - slope * (x - meanX));
  const squares = sum(rest.map((each) => each ** 2));
  const neighbours = sum(rest.slice(1).map((each, at) => each * (rest[at] ?? 0)));
  const likeness = squares === 0 ? 0 : Math.min(0.99, Math.max(0, neighbours / squares));
  const variance = ((squares / (n - 2) / spread) * (1 + likeness)) / (1 - likeness);
  return { slope, halfWidth: CONFIDENCE_95 * Math.sqrt(variance) };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);
const mean = (numbers: readonly number[]): number => sum(numbers) / numbers.length;
