import { LineChart as Line } from 'echarts/charts';
import { GridComponent, TooltipComponent } from 'echarts/components';
import { type EChartsType, init, use as register } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import { useEffect, useRef } from 'react';
import { useTheme } from '../app/theme.tsx';
import { fontStack, type Palette } from '../app/tokens.ts';
import { useMedia } from '../parts/use-media.ts';

register([Line, GridComponent, TooltipComponent, SVGRenderer]);

type LineProps = { labels: string[]; now: (number | null)[]; before: number[]; nowName: string; beforeName: string };

/** Two lines over one zero: the period in teal, the one before in grey, each named at its end. */
export function LineChart(props: LineProps) {
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<EChartsType | null>(null);
  const { palette } = useTheme();
  const still = useMedia('(prefers-reduced-motion: reduce)');

  useEffect(() => {
    if (!box.current) return;
    const drawn = init(box.current, null, { renderer: 'svg' });
    chart.current = drawn;
    const watch = new ResizeObserver(() => drawn.resize());
    watch.observe(box.current);
    return () => {
      watch.disconnect();
      drawn.dispose();
    };
  }, []);
  useEffect(() => chart.current?.setOption(optionOf(props, palette, still)), [props, palette, still]);
  return <div ref={box} className="chart-box" aria-hidden="true" />;
}

function optionOf(props: LineProps, palette: Palette, still: boolean) {
  const text = { color: palette.inkSoft, fontFamily: fontStack, fontSize: 12 };
  const last = props.now.findLastIndex((value) => value !== null);
  const done = props.now.map((value, index) => (index < last ? value : null));
  const running = props.now.map((value, index) => (index === last || index === last - 1 ? value : null));
  return {
    animation: !still,
    animationDuration: 160,
    animationDurationUpdate: 160,
    grid: { left: 4, right: 64, top: 14, bottom: 4, outerBoundsMode: 'same', outerBoundsContain: 'axisLabel' },
    tooltip: {
      trigger: 'axis',
      backgroundColor: palette.surface,
      borderColor: palette.line,
      textStyle: { ...text, color: palette.ink },
      axisPointer: { lineStyle: { color: palette.line } },
      formatter: (items: unknown) => {
        const at = (items as { dataIndex: number }[])[0]?.dataIndex ?? 0;
        const named = (name: string, value: number | null | undefined) =>
          `${name} <b>${typeof value === 'number' ? grouped(value) : '—'}</b>`;
        return [props.labels[at], named(props.nowName, props.now[at]), named(props.beforeName, props.before[at])].join('<br>');
      },
    },
    xAxis: {
      type: 'category',
      boundaryGap: false,
      data: props.labels,
      axisLine: { lineStyle: { color: palette.line } },
      axisTick: { show: false },
      axisLabel: { ...text, hideOverlap: true },
    },
    yAxis: {
      type: 'value',
      min: 0,
      splitNumber: 3,
      axisLabel: { ...text, formatter: compact },
      splitLine: { lineStyle: { color: palette.line } },
    },
    series: [
      line({ name: props.beforeName, data: props.before, colour: palette.comparison, width: 1.25, label: palette.inkSoft }),
      {
        ...line({ name: props.nowName, data: done, colour: palette.brand, width: 2.25 }),
        areaStyle: { color: palette.brand, opacity: 0.07 },
      },
      // The hour or day that is not over yet is dashed: a drop there is not a fall.
      {
        ...line({ name: props.nowName, data: running, colour: palette.brand, width: 2.25, label: palette.brand, type: 'dashed' }),
        animation: false,
      },
    ],
  };
}

type LineLooks = { name: string; data: (number | null)[]; colour: string; width: number; label?: string; type?: 'dashed' };

function line({ name, data, colour, width, label, type }: LineLooks) {
  return {
    name,
    type: 'line' as const,
    data,
    showSymbol: false,
    lineStyle: { color: colour, width, type: type ?? ('solid' as const) },
    itemStyle: { color: colour },
    ...(label ? { endLabel: { show: true, formatter: '{a}', color: label, fontFamily: fontStack, fontSize: 12, distance: 6 } } : {}),
  };
}

function compact(value: number): string {
  return new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 1 }).format(value);
}

function grouped(value: number): string {
  return new Intl.NumberFormat('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 }).format(value);
}
