import test from 'ava';
import { defaultRevert_s, renewsTooOften } from './device-setup.ts';

const wear = { flash: [], writesPerDay: 200 };

test('the revert time is two intervals, and never longer than a uint16 register can say', (t) => {
  t.is(defaultRevert_s({ interval_min: 15 }), 1800);
  // Two days would be 172,800 s: a device that counts to 65,534 would be renewed only after it has dropped its limit.
  t.is(defaultRevert_s({ interval_min: 1440 }), 65_534);
});

test('a limit that cannot be renewed all day within the budget is said, with the time that can', (t) => {
  // 86,400 s a day, renewed at half of 864 s: 200 times.
  t.is(renewsTooOften({ wear }, 864), undefined);
  t.regex(
    renewsTooOften({ wear }, 863) ?? '',
    /takes 201 writes a day, the profile allows 200; .* 864 s or more/,
  );
  t.regex(renewsTooOften({ wear, watchdog_s: 600 }, 1800) ?? '', /takes 288 writes a day/);
  t.is(renewsTooOften({}, 10), undefined);
});
