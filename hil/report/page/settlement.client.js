// Day ahead and settlement: appended to report.client.js, whose `chart` it uses.
const money = run.settlement;
if (document.getElementById('positions') !== null) {
  const stepped = uPlot.paths.stepped({ align: 1 });
  const line = (label, color, data, more = {}) => ({
    series: {
      label,
      stroke: () => css(color),
      width: 2,
      paths: stepped,
      points: { show: false },
      value: fixed(1),
      ...more,
    },
    data,
  });
  const draw = (id, height, axis, lines) =>
    chart(id, height, { axes: axis, series: [time, ...lines.map(({ series }) => series)] }, [
      run.intervals.at_s,
      ...lines.map(({ data }) => data),
    ]);
  const powers = [
    line('real-time award, kW', '--supply', money.award_kW),
    line('metered, kW', '--good', money.metered_kW, { dash: [5, 4] }),
  ];
  if (money.dayAhead) {
    powers.unshift(
      line('day-ahead position, kW', '--dera', money.position_kW, { fill: 'hsl(262 60% 60% / 0.18)' }),
    );
  }
  draw('positions', 300, [{ label: 'power, kW', size: 64 }], powers);
  const prices = [line('real time, $/MWh', '--supply', run.intervals.price_USD_per_MWh, { value: fixed(2) })];
  if (money.dayAhead) {
    prices.unshift(line('day ahead, $/MWh', '--dera', money.dayAhead_USD_per_MWh, { value: fixed(2) }));
  }
  prices.push(
    line('to all DERs, $ per interval', '--quiet', money.paid_USD, {
      scale: 'USD',
      fill: 'hsl(210 12% 55% / 0.25)',
      width: 0.5,
      value: fixed(2),
    }),
  );
  draw(
    'market-prices',
    240,
    [
      { label: '$/MWh', size: 64 },
      { label: '$ per interval', side: 1, scale: 'USD', size: 60, grid: { show: false } },
    ],
    prices,
  );
}
