// Grid emulators: the feeder's voltage at a DER's bus, dashed, and the voltage measured at its terminals. Part of report.client.js.
/* global run, chart, css, fixed, time, phaseColor, puRange, faultShades, limitLines */
run.emulators.forEach(({ outputs, at_s, asked_pu, measured_pu }, i) => {
  const stroke = (output) => () => css(phaseColor[output.slice(-1)] ?? '--quiet');
  chart(
    `emulator-${i}`,
    240,
    {
      scales: { y: { range: puRange } },
      axes: [{ label: 'voltage, pu', size: 64, values: (_, ticks) => ticks.map((v) => v.toFixed(3)) }],
      series: [
        time,
        ...outputs.flatMap((output) => [
          {
            label: `${output}, feeder`,
            stroke: stroke(output),
            dash: [5, 4],
            width: 1,
            points: { show: false },
            value: fixed(4),
          },
          {
            label: `${output}, measured`,
            stroke: stroke(output),
            width: 1.5,
            points: { show: false },
            value: fixed(4),
          },
        ]),
      ],
      hooks: { drawClear: [faultShades], draw: [limitLines] },
    },
    [at_s, ...outputs.flatMap((_, n) => [asked_pu[n], measured_pu[n]])],
  );
});
