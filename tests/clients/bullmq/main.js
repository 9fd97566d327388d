// A job queue with BullMQ.
import * as jobs from './jobs.js';
import { run } from '../trial.js';

run({ ...jobs });
