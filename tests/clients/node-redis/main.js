// All that an app does with node-redis.
import * as accounts from './accounts.js';
import * as caching from './caching.js';
import * as counting from './counting.js';
import * as messages from './messages.js';
import * as money from './money.js';
import { connect } from './connect.js';
import { run } from '../trial.js';

const client = await connect();

run({ ...accounts, ...money, ...counting, ...caching, ...messages }, { client, connect });
