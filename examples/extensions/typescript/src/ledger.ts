/**
 * The shop's ledger, lines that are only ever added to a file: what was paid for, and when its credits were granted.
 *
 * Stands for the database that your app has. Of several lines that grant the same, the first one counts.
 * `npm run ledger paid evt_1 user_456 500` does what a webhook handler does when it takes a payment,
 * `npm run ledger granted evt_1 user_456` what it does next, unless it fails to.
 */

import { appendFileSync, existsSync, readFileSync } from 'node:fs';

export interface Payment {
  payment: string;
  customer: string;
  credits: number;
  granted_at: string | null;
  granted_by: string | null;
}

type Line = Pick<Payment, 'payment' | 'customer'> & Partial<Payment>;

const file = () => process.env.LEDGER ?? 'ledger.jsonl';

/** A line of its own even behind one that was cut off when a machine went down. */
const append = (line: Line) => appendFileSync(file(), `\n${JSON.stringify(line)}\n`);

function lines(): Line[] {
  const text = existsSync(file()) ? readFileSync(file(), 'utf8') : '';
  return text.split('\n').flatMap((line) => {
    try {
      return [JSON.parse(line) as Line];
    } catch {
      return [];
    }
  });
}

export function find(payment: string, customer: string): Payment | undefined {
  const all = lines().filter((line) => line.payment === payment && line.customer === customer);
  const paid = all.find((line) => line.credits !== undefined);
  const granted = all.find((line) => line.granted_at);
  if (paid?.credits === undefined) return undefined;
  const { granted_at = null, granted_by = null } = granted ?? {};
  return { payment, customer, credits: paid.credits, granted_at, granted_by };
}

/** Takes a payment; the same one again changes nothing. */
export function paid(payment: string, customer: string, credits: number): void {
  if (!find(payment, customer)) append({ payment, customer, credits });
}

/** Grants a payment's credits at most once, whoever asks and however often; gives its entry. */
export function granted(payment: string, customer: string, granted_by = 'webhook'): Payment | undefined {
  if (find(payment, customer)?.granted_at === null) {
    append({ payment, customer, granted_at: new Date().toISOString(), granted_by });
  }
  return find(payment, customer);
}

if (require.main === module) {
  const [command, payment, customer, credits] = process.argv.slice(2);
  if (command === 'paid' && payment && customer && credits) paid(payment, customer, Number(credits));
  else if (command === 'granted' && payment && customer) granted(payment, customer);
  else if (command !== 'find' || !payment || !customer) {
    console.error('usage: ledger paid PAYMENT CUSTOMER CREDITS | granted PAYMENT CUSTOMER | find PAYMENT CUSTOMER');
    process.exit(1);
  }
  console.log(find(payment!, customer!) ?? '-');
}
