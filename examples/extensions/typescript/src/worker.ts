/**
 * Takes calls from the task queue until it is told to stop, and finishes those that it has.
 *
 * Where Temporal is comes from Temporal's own environment: TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY,
 * TEMPORAL_TLS_… or a profile of TEMPORAL_CONFIG_FILE. Without any, it is localhost:7233.
 */

import { loadClientConnectConfig } from '@temporalio/envconfig';
import { NativeConnection, Worker } from '@temporalio/worker';

import { apply, verify } from './activities';

const taskQueue = process.env.EXTENSION_QUEUE ?? 'sendpromptly-ext.credits';

async function main(): Promise<void> {
  const { connectionOptions, namespace } = loadClientConnectConfig();
  const connection = await NativeConnection.connect(connectionOptions);
  try {
    const worker = await Worker.create({
      connection,
      namespace,
      taskQueue,
      activities: { 'credits.verify': verify, 'credits.apply': apply },
      shutdownGraceTime: '10s',
    });
    console.log(`taking calls from ${taskQueue}`);
    await worker.run();
  } finally {
    await connection.close();
  }
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
