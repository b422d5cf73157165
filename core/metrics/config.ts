/** Config section `metrics` of services. Without it nothing listens. */
import Type, { type Static } from 'typebox';

export const MetricsConfig = Type.Object(
  {
    /** HOST:PORT; port 0 picks a free one. */
    listen: Type.String({ default: '127.0.0.1:9464', pattern: '^.+:\\d{1,5}$' }),
    /** File that holds the bearer token that a scraper must show; needed where other machines can ask. */
    tokenFile: Type.Optional(Type.String()),
  },
  { additionalProperties: false },
);
export type MetricsConfig = Static<typeof MetricsConfig>;
