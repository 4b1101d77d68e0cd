<?php

// app/Http/Controllers/RepairController.php: the repair endpoint. Laravel 10 or newer.
// In routes/api.php, where no CSRF token is asked for:
//   Route::post('/repair', RepairController::class);

namespace App\Http\Controllers;

use App\Services\SendPromptly;
use Illuminate\Http\Request;
use Illuminate\Http\Response;
use Illuminate\Support\Facades\Cache;

class RepairController extends Controller
{
    public function __invoke(Request $request): Response
    {
        if (! self::isGenuine($request) || ! self::isFresh($request)) {
            return response('', 401);
        }
        $order = json_decode($request->getContent(), true, flags: JSON_THROW_ON_ERROR);
        // A repeated attempt is answered the same, and nothing is done twice. The cache must
        // be shared by all servers (redis, database), or use a table with a unique key.
        if ($order['type'] === 'reprocess'
            && Cache::add("repair:{$order['replay_id']}", true, now()->addDays(30))) {
            dispatch(fn () => self::work($order))->afterResponse();
        }

        return response('', 202);
    }

    /** Your work. Look first whether the effect is there: doing it twice must do no harm. */
    private static function repair(array $order): void
    {
        logger()->info("granting {$order['effect_type']} to {$order['internal_reference']}");
    }

    private static function isGenuine(Request $request): bool
    {
        $timestamp = $request->header('X-SP-Timestamp', '');
        $nonce = $request->header('X-SP-Nonce', '');
        if (! ctype_digit($timestamp) || $nonce === '' || str_contains($nonce, '.')) {
            return false;
        }
        $encoded = substr(config('services.sendpromptly.secret'), strlen('whsec_'));
        $signed = "$timestamp.$nonce.".$request->getContent();
        $wanted = 'v1='.hash_hmac('sha256', $signed, base64_decode($encoded, true));
        // While a secret is being rotated there are several signatures; one of them fits.
        foreach (explode(',', $request->header('X-SP-Signature', '')) as $given) {
            if (hash_equals($wanted, trim($given))) {
                return true;
            }
        }

        return false;
    }

    /** Nonces older than 10 minutes can be forgotten: their timestamps are refused by then. */
    private static function isFresh(Request $request): bool
    {
        return abs(time() - (int) $request->header('X-SP-Timestamp')) <= 300
            && Cache::add('nonce:'.$request->header('X-SP-Nonce'), true, 600);
    }

    private static function work(array $order): void
    {
        $which = ['event_id' => $order['event_id'], 'replay_id' => $order['replay_id']];
        try {
            self::repair($order);
        } catch (\Throwable $error) {
            $message = mb_substr($error->getMessage(), 0, 2000);
            $why = ['error_code' => 'repair_failed', 'error_message' => $message];
            SendPromptly::result('failed', $which + $why);

            return;
        }
        SendPromptly::result('success', $which);
    }
}
