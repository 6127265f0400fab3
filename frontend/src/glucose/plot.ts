import uPlot from "uplot";

import type { GlucoseUnit, Threshold } from "../data/model";
import type { Clock } from "../time";
import type { bandOf, Curve, Mark, Step, Window } from "./chart";

/** All that is drawn, in its unit. */
export interface Drawing {
  window: Window;
  unit: GlucoseUnit;
  axis: [number, number];
  curve: Curve;
  band: ReturnType<typeof bandOf>;
  thresholds: { kind: Threshold["kind"]; label: string; steps: Step[] }[];
  marks: Mark[];
  arrivals: number[];
}

const HEIGHT = 240;
/** Above the curve, for marks; in CSS pixels. */
const LANE = 24;
const TICK = 6;
const DAY_SECONDS = 86_400;
/** Ours: points as wide as leaves them apart, for so many readings at most. */
const POINTS: [most: number, size: number][] = [
  [80, 6],
  [200, 4],
  [Infinity, 2],
];

/** Told apart by dashes too, not by colour alone; the urgent one is a whole line. */
const DASHES: Record<Threshold["kind"], number[]> = {
  urgent_low: [],
  low: [6, 4],
  high: [2, 3],
};

/** The curve on a canvas. What it says is in words beside it: a canvas is silent. */
export class Plot {
  /** How long the last drawing took, in milliseconds. */
  drawnIn = 0;

  private readonly host: HTMLElement;
  private readonly plot: uPlot;
  private readonly style: CSSStyleDeclaration;
  private readonly resize: ResizeObserver;
  private drawing: Drawing;
  private started = 0;

  constructor(
    host: HTMLElement,
    drawing: Drawing,
    clock: Clock,
    language: string,
    onCursor: (index: number | null) => void,
  ) {
    this.host = host;
    this.drawing = drawing;
    this.style = getComputedStyle(host);
    this.started = performance.now();
    this.plot = new uPlot(this.options(clock, language, onCursor), this.data(), host);
    this.resize = new ResizeObserver(() => {
      const width = this.width();
      if (width !== this.plot.width) {
        this.plot.setSize({ width, height: HEIGHT });
      }
    });
    this.resize.observe(host);
  }

  show(drawing: Drawing): void {
    this.drawing = drawing;
    this.started = performance.now();
    this.plot.batch(() => {
      this.plot.setData(this.data(), false);
      const [min, max] = drawing.axis;
      this.plot.setScale("y", { min, max });
      this.plot.setScale("x", { min: drawing.window.from, max: drawing.window.to });
    });
    this.plot.redraw(false, true);
  }

  /** Put the cursor on a reading. */
  point(index: number): void {
    const { xs, ys } = this.drawing.curve;
    this.plot.setCursor({
      left: this.plot.valToPos(xs[index] ?? 0, "x"),
      top: this.plot.valToPos(ys[index] ?? 0, "y"),
    });
  }

  destroy(): void {
    this.resize.disconnect();
    this.plot.destroy();
  }

  private width(): number {
    return Math.max(120, Math.floor(this.host.clientWidth));
  }

  private data(): uPlot.AlignedData {
    const { xs, ys } = this.drawing.curve;
    return [xs, ys];
  }

  private colour(name: string, otherwise: string): string {
    return this.style.getPropertyValue(name).trim() || otherwise;
  }

  private options(
    clock: Clock,
    language: string,
    onCursor: (index: number | null) => void,
  ): uPlot.Options {
    const text = (): string => this.colour("--secondary-text-color", "#727272");
    const grid = (): string => this.colour("--divider-color", "#e0e0e0");
    const line = (): string => this.colour("--primary-text-color", "#212121");
    const day = new Intl.DateTimeFormat(language, {
      day: "numeric",
      month: "numeric",
      ...(clock.zone && { timeZone: clock.zone }),
    });
    const number = new Intl.NumberFormat(language);
    const { window, axis } = this.drawing;
    const [yMin, yMax] = axis;
    return {
      width: this.width(),
      height: HEIGHT,
      padding: [LANE, 12, 0, 0],
      legend: { show: false },
      cursor: { drag: { x: false, y: false }, y: false, points: { size: 9 } },
      tzDate: (seconds) => {
        const moment = new Date(seconds * 1000);
        return clock.zone ? uPlot.tzDate(moment, clock.zone) : moment;
      },
      scales: {
        x: { time: true, min: window.from, max: window.to },
        y: { auto: false, min: yMin, max: yMax },
      },
      series: [
        {},
        {
          stroke: line,
          width: 1,
          spanGaps: false,
          points: {
            show: true,
            size: POINTS.find(([most]) => this.drawing.curve.xs.length <= most)?.[1] ?? 2,
            width: 0,
            fill: line,
          },
        },
      ],
      axes: [
        {
          stroke: text,
          grid: { stroke: grid, width: 1 },
          ticks: { stroke: grid, width: 1 },
          values: (_self, splits, _axis, _space, step) =>
            splits.map((seconds) => {
              const moment = new Date(seconds * 1000);
              return step >= DAY_SECONDS ? day.format(moment) : clock.time(moment);
            }),
          space: 64,
          size: 32,
        },
        {
          stroke: text,
          grid: { stroke: grid, width: 1 },
          ticks: { show: false },
          // The library's own are in the language of the browser.
          values: (_self, splits) => splits.map((value) => number.format(value)),
          size: 40,
          gap: 4,
        },
      ],
      hooks: {
        drawClear: [
          (): void => {
            this.drawBelow();
          },
        ],
        draw: [
          (): void => {
            this.drawAbove();
            this.drawnIn = performance.now() - this.started;
          },
        ],
        setCursor: [
          ({ cursor }): void => {
            onCursor(cursor.idx ?? null);
          },
        ],
      },
    };
  }

  /** The target band and the thresholds, behind the curve. */
  private drawBelow(): void {
    const { ctx } = this.plot;
    const ratio = devicePixelRatio;
    this.clipped(() => {
      ctx.globalAlpha = 0.14;
      ctx.fillStyle = this.colour("--success-color", "#43a047");
      for (const { from, to, low, high } of this.drawing.band) {
        const [left, right, top, bottom] = [this.x(from), this.x(to), this.y(high), this.y(low)];
        ctx.fillRect(left, top, right - left, bottom - top);
      }
      ctx.globalAlpha = 1;
      for (const { kind, steps } of this.drawing.thresholds) {
        ctx.setLineDash(DASHES[kind].map((length) => length * ratio));
        ctx.lineWidth = 1.5 * ratio;
        ctx.strokeStyle =
          kind === "high"
            ? this.colour("--warning-color", "#ffa600")
            : this.colour("--error-color", "#db4437");
        ctx.beginPath();
        for (const { from, to, value } of steps) {
          ctx.moveTo(this.x(from), this.y(value));
          ctx.lineTo(this.x(to), this.y(value));
        }
        ctx.stroke();
      }
    });
  }

  /** Names of thresholds, marks in a lane above the curve, and ticks of late arrivals at its foot. */
  private drawAbove(): void {
    const { ctx, bbox } = this.plot;
    const ratio = devicePixelRatio;
    const text = this.colour("--primary-text-color", "#212121");
    this.clipped(() => {
      ctx.font = `${11 * ratio}px ${this.style.fontFamily}`;
      ctx.fillStyle = this.colour("--secondary-text-color", "#727272");
      ctx.textBaseline = "bottom";
      for (const { kind, label, steps } of this.drawing.thresholds) {
        const last = steps[steps.length - 1];
        if (last) {
          // Urgent low lies close under low: their names are at either end.
          const isLeft = kind === "urgent_low";
          ctx.textAlign = isLeft ? "left" : "right";
          const x = isLeft ? bbox.left + 4 * ratio : bbox.left + bbox.width - 4 * ratio;
          ctx.fillText(label, x, this.y(last.value) - 2 * ratio);
        }
      }
      ctx.strokeStyle = text;
      ctx.lineWidth = ratio;
      ctx.beginPath();
      for (const arrival of this.drawing.arrivals) {
        const x = this.x(arrival);
        ctx.moveTo(x, bbox.top + bbox.height);
        ctx.lineTo(x, bbox.top + bbox.height - TICK * ratio);
      }
      ctx.stroke();
    });
    for (const mark of this.drawing.marks) {
      this.drawMark(mark, text);
    }
  }

  private drawMark({ at, kind, severity }: Mark, text: string): void {
    const { ctx, bbox } = this.plot;
    const ratio = devicePixelRatio;
    const [x, y, size] = [this.x(at), bbox.top - (LANE / 2) * ratio, 7 * ratio];
    ctx.save();
    ctx.strokeStyle = text;
    ctx.lineWidth = ratio;
    ctx.globalAlpha = 0.5;
    ctx.setLineDash([2 * ratio, 3 * ratio]);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.globalAlpha = 1;
    ctx.setLineDash([]);
    ctx.lineWidth = 1.5 * ratio;
    ctx.fillStyle =
      severity === "high"
        ? this.colour("--error-color", "#db4437")
        : severity === "medium"
          ? this.colour("--warning-color", "#ffa600")
          : this.colour("--info-color", "#039be5");
    ctx.beginPath();
    if (kind === "acknowledged") {
      ctx.moveTo(x - size * 0.7, y);
      ctx.lineTo(x - size * 0.1, y + size * 0.6);
      ctx.lineTo(x + size * 0.9, y - size * 0.7);
      ctx.stroke();
    } else {
      if (severity === "high") {
        ctx.arc(x, y, size, 0, 2 * Math.PI);
      } else {
        ctx.moveTo(x, y - size);
        ctx.lineTo(x + size, y + size);
        ctx.lineTo(x - size, y + size);
        ctx.closePath();
      }
      ctx.fill();
      ctx.stroke();
    }
    ctx.restore();
  }

  private clipped(draw: () => void): void {
    const { ctx, bbox } = this.plot;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    draw();
    ctx.restore();
  }

  private x(seconds: number): number {
    return Math.round(this.plot.valToPos(seconds, "x", true));
  }

  private y(value: number): number {
    return Math.round(this.plot.valToPos(value, "y", true));
  }
}
