import test from 'ava';
import { ensurePythonEnvironment } from '../../python-environment.ts';
import { deltaConformance } from '../delta-conformance.ts';
import { GridLabD } from './engine.ts';

const { python } = await ensurePythonEnvironment('engine', { quiet: true });

deltaConformance(test, 'gridlabd', (model) => GridLabD.open(model, { python }));
