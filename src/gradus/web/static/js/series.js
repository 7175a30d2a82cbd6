// The numbers behind a chart: points of several series, put side by side, smoothed, written as CSV.

/** Which axis a series belongs to. */
export function family(name) {
  if (/learning_?rate|(^|\/)lr$/.test(name)) return "rate";
  return /accuracy|top[-_]?\d|precision|recall|iou|map$/i.test(name) ? "share" : "loss";
}

/** A readable name: "train/loss" as "training loss". */
export const title = (name) => name.replace(/^train\//, "training ").replace(/^val\//, "validation ").replaceAll("_", " ");

export class SeriesSet {
  constructor() {
    this.all = new Map();
    this.last = -1; // the newest step seen
  }

  load(list) {
    this.all.clear();
    this.last = -1;
    for (const { name, points } of list) {
      this.all.set(name, [...points]);
      if (points.length) this.last = Math.max(this.last, points.at(-1).step);
    }
  }

  /** Points that arrive while training; a reconnect may repeat some. Returns whether anything was new. */
  append(points) {
    let fresh = false;
    for (const { step, epoch, time, values } of points) {
      for (const [name, value] of Object.entries(values)) {
        if (!this.all.has(name)) this.all.set(name, []);
        const kept = this.all.get(name);
        if (kept.length && kept.at(-1).step >= step) continue;
        kept.push({ step, epoch, time, value });
        fresh = true;
      }
      this.last = Math.max(this.last, step);
    }
    return fresh;
  }

  get names() {
    const order = { loss: 0, share: 1, rate: 2 };
    return [...this.all.keys()].sort((a, b) => order[family(a)] - order[family(b)] || (a < b ? -1 : 1));
  }

  get empty() {
    return ![...this.all.values()].some((points) => points.length);
  }

  get timed() {
    return [...this.all.values()].some((points) => points.some((point) => point.time));
  }

  /** One column of positions and one of values, for each series. Time is in minutes since the first point. */
  columns(names, axis, smoothing) {
    const start = Math.min(...[...this.all.values()].flatMap((points) => points.filter((p) => p.time).slice(0, 1).map((p) => p.time)));
    const place = (point) => (axis === "time" ? (point.time - start) / 60 : point[axis]);
    return names.map((name) => {
      const points = this.all.get(name).filter((point) => axis !== "time" || point.time);
      const values = points.map((point) => point.value);
      return [points.map(place), smoothing ? smooth(values, smoothing) : values];
    });
  }

  csv() {
    const cell = (text) => (/^[=+\-@]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text).replace(/"/g, '""');
    const names = this.names;
    const rows = new Map();
    for (const name of names) {
      for (const { step, epoch, value } of this.all.get(name)) {
        if (!rows.has(step)) rows.set(step, { epoch, values: {} });
        rows.get(step).values[name] = value;
      }
    }
    const head = ["step", "epoch", ...names].map((name) => `"${cell(name)}"`).join(",");
    const lines = [...rows].sort((a, b) => a[0] - b[0]).map(([step, { epoch, values }]) => [step, epoch, ...names.map((name) => values[name] ?? "")].join(","));
    return `${head}\r\n${lines.join("\r\n")}\r\n`;
  }
}

/** Exponential moving mean without the bias towards the start; gaps stay gaps. */
export function smooth(values, weight) {
  let mean = 0;
  let norm = 0;
  return values.map((value) => {
    if (value === null) return null;
    mean = mean * weight + (1 - weight) * value;
    norm = norm * weight + (1 - weight);
    return mean / norm;
  });
}
