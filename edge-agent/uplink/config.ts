/** The `uplink` section of an edge agent's config. Paths are relative to the file. */
import Type, { type Static } from 'typebox';

const MIB = 1024 * 1024;

export const UplinkConfig = Type.Object(
  {
    /** SQLite file, made when absent; null: nothing is kept while the broker is away. `AGENTID.buffer.sqlite`. */
    bufferFile: Type.Optional(Type.Union([Type.String({ minLength: 1 }), Type.Null()])),
    /** Bytes of records that are kept; the file takes about a fifth more, and its log 4 MiB. */
    maxBytes: Type.Integer({ minimum: 16 * 1024, maximum: 64 * 1024 * MIB, default: 64 * MIB }),
    /**
     * What is given up when that is full. `oldest`: the oldest measurement; `newest`: the measurement that comes.
     * Never a verdict while there is a measurement.
     */
    drop: Type.Enum(['oldest', 'newest'], { default: 'oldest' }),
  },
  { additionalProperties: false, default: {} },
);
export type UplinkConfig = Static<typeof UplinkConfig>;
export type DropPolicy = UplinkConfig['drop'];
