/** Variables of a simulated OPC UA device: what each shows when somebody looks, and what a write to it does. */
import { DataType, DataValue, StatusCodes, Variant, VariantArrayType } from 'node-opcua-client';
import type { AddressSpace } from './simulated-server.ts';

type Namespace = ReturnType<AddressSpace['registerNamespace']>;
type UAObject = ReturnType<Namespace['addObject']>;

export type StatusCode = (typeof StatusCodes)['Good'];
export type Quality = 'Good' | 'Uncertain' | 'Bad';

export interface Shown {
  readonly name: string;
  readonly dataType: DataType;
  readonly get: () => unknown;
  /** Absent: nobody may write it. */
  readonly set?: (value: unknown) => StatusCode;
}

/** Adds them below an object; `<object>.<name>` is the node id of each. */
export function addVariables(
  namespace: Namespace,
  parent: UAObject,
  variables: readonly Shown[],
  {
    answer,
    take,
  }: { answer: (shown: Shown) => DataValue; take: (shown: Shown, value: unknown) => StatusCode },
): void {
  for (const shown of variables) {
    const access = shown.set === undefined ? 'CurrentRead' : 'CurrentRead | CurrentWrite';
    namespace.addVariable({
      nodeId: `s=${parent.browseName.name}.${shown.name}`,
      browseName: shown.name,
      componentOf: parent,
      dataType: DataType[shown.dataType],
      accessLevel: access,
      userAccessLevel: access,
      minimumSamplingInterval: 20,
      value: {
        timestamped_get: () => answer(shown),
        ...(shown.set === undefined
          ? {}
          : {
              timestamped_set: (
                dataValue: DataValue,
                done: (error: Error | null, status: StatusCode) => void,
              ) => done(null, take(shown, dataValue.value.value)),
            }),
      },
    });
  }
}

/** A scalar as the server answers it. @param about.at_ms its source timestamp, epoch ms. */
export function answerOf(
  dataType: DataType,
  value: unknown,
  { at_ms, quality = 'Good' }: { at_ms: number; quality?: Quality },
): DataValue {
  return new DataValue({
    statusCode: {
      Good: StatusCodes.Good,
      Uncertain: StatusCodes.UncertainLastUsableValue,
      Bad: StatusCodes.BadSensorFailure,
    }[quality],
    sourceTimestamp: new Date(at_ms),
    value: new Variant({ dataType, arrayType: VariantArrayType.Scalar, value }),
  });
}
