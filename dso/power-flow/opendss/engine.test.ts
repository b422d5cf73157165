import test from 'ava';
import { ensurePythonEnvironment } from '../../python-environment.ts';
import { powerFlowConformance } from '../conformance.ts';
import { OpenDss } from './engine.ts';
import { findOpenDss } from './library-file.ts';

const { folder } = await ensurePythonEnvironment('engine', { quiet: true });
const library = findOpenDss(folder);

powerFlowConformance(test, 'opendss', (model) => OpenDss.open(model, { library }));
