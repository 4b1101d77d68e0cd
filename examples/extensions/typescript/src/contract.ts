/** The contract of 2026-12-01, as far as it is used here. */

/** The fields of the input that are read here; it has more. What the work can do without is optional. */
export interface Call {
  call_id: string;
  provider_event_id: string;
  internal_reference: string;
  effect_type?: string | null;
}

/** Flat: at most 20 entries of at most 500 characters. */
export type Evidence = Record<string, string | number | boolean | null>;

export interface ProbeAnswer {
  /** Whether the effect was applied; null if you cannot tell. */
  settled: boolean | null;
  note?: string;
  evidence?: Evidence;
}

export interface ReprocessAnswer {
  outcome: 'applied' | 'accepted' | 'failed' | 'declined';
  error_code?: string;
  note?: string;
  evidence?: Evidence;
}
