<?php

// app/Services/SendPromptly.php: the two calls. Laravel 10 or newer. In config/services.php:
//   'sendpromptly' => [
//       'url' => env('SENDPROMPTLY_URL', 'https://sendpromptly.example.com'),
//       'key' => env('SENDPROMPTLY_KEY'),       // sk_test_... or sk_live_...
//       'secret' => env('SENDPROMPTLY_SECRET'), // whsec_...
//   ],

namespace App\Services;

use Illuminate\Http\Client\RequestException;
use Illuminate\Support\Facades\Http;
use Illuminate\Support\Str;

class SendPromptly
{
    /**
     * I took this payment event, and this effect is due. Call it in the webhook handler:
     *   SendPromptly::receipt(['provider' => 'stripe', 'provider_event_id' => 'evt_1',
     *     'event_type' => 'invoice.paid', 'effect_type' => 'credit_grant',
     *     'internal_reference' => 'user_456', 'occurred_at' => '2026-11-21T14:02:09Z']);
     */
    public static function receipt(array $event): array
    {
        $key = "receipt-{$event['provider_event_id']}-{$event['effect_type']}";

        return self::post('receipt', $key, $event);
    }

    /**
     * Applied ('success'), or not ('failed'). Call it after your own commit:
     *   SendPromptly::result('success', ['provider_event_id' => 'evt_1']);
     *   SendPromptly::result('failed', ['provider_event_id' => 'evt_1', 'error_code' => 'db_write_failed']);
     */
    public static function result(string $status, array $fields): array
    {
        return self::post('result', 'result-'.Str::uuid(), ['status' => $status] + $fields);
    }

    /** Tries three times with the same Idempotency-Key, so that nothing counts twice. */
    private static function post(string $path, string $idempotencyKey, array $body): array
    {
        return Http::withToken(config('services.sendpromptly.key'))
            ->withHeaders(['Idempotency-Key' => $idempotencyKey])
            ->timeout(5)
            ->retry(3, 1000, self::worthAnotherTry(...))
            ->post(config('services.sendpromptly.url')."/api/v1/$path", $body)
            ->json();
    }

    private static function worthAnotherTry(\Throwable $error): bool
    {
        if (! $error instanceof RequestException) {
            return true; // no answer at all
        }
        $status = $error->response->status();

        return $status >= 500 || in_array($status, [409, 429], true);
    }
}
