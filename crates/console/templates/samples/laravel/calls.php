<?php

// app/Http/Controllers/WebhookController.php: webhook handlers for Stripe and Shopify that report what they
// received and what came of it. composer require stripe/stripe-php; the client file is app/SendPromptly.php,
// and in composer.json "autoload": { "files": ["app/SendPromptly.php"] }. In config/services.php, as env()
// gives nothing elsewhere once the configuration is cached:
//   'sendpromptly' => ['url' => env('SENDPROMPTLY_URL'), 'key' => env('SENDPROMPTLY_KEY'),
//       'secret' => env('SENDPROMPTLY_SECRET'), 'spool' => storage_path('app/sendpromptly')],
// In routes/console.php, so that what did not get through is sent again:
//   Schedule::call(fn () => (new SendPromptly\Client(...config('services.sendpromptly')))->flush())->everyMinute();
// In routes/api.php: Route::post('/stripe', [WebhookController::class, 'stripe']), the same with 'shopify'.

namespace App\Http\Controllers;

use Illuminate\Http\Request;
use Illuminate\Http\Response;
use SendPromptly\Client;

class WebhookController extends Controller
{
    public function stripe(Request $request): Response
    {
        $body = $request->getContent();
        $signature = $request->header('Stripe-Signature', '');
        try {
            \Stripe\Webhook::constructEvent($body, $signature, config('services.stripe.webhook_secret'));
        } catch (\UnexpectedValueException|\Stripe\Exception\SignatureVerificationException) {
            return response('', 400);
        }
        $event = json_decode($body, true, flags: JSON_THROW_ON_ERROR); // plain data, as it was sent
        $session = $event['data']['object'];
        $paid = ['checkout.session.completed', 'checkout.session.async_payment_succeeded'];
        // A delayed payment method, such as a bank debit: nothing is paid, so nothing is due yet and there is
        // no receipt. checkout.session.async_payment_succeeded follows when the money has come.
        if (! in_array($event['type'], $paid, true) || $session['payment_status'] === 'unpaid') {
            return response('', 200);
        }

        return $this->apply([
            'provider' => 'stripe',
            'provider_event_id' => $event['id'],
            'event_type' => $event['type'],
            'effect_type' => 'credit_grant',
            'internal_reference' => $session['client_reference_id'],
        ], ['occurred_at' => $event['created'], 'payload' => $event]);
    }

    public function shopify(Request $request): Response
    {
        $body = $request->getContent();
        $secret = config('services.shopify.secret') ?: abort(500); // anyone can sign with an empty one
        $mac = base64_encode(hash_hmac('sha256', $body, $secret, true));
        if (! hash_equals($mac, $request->header('X-Shopify-Hmac-Sha256', ''))) {
            return response('', 401);
        }
        $order = json_decode($body, true, flags: JSON_THROW_ON_ERROR);

        return $request->header('X-Shopify-Topic') !== 'orders/paid' ? response('', 200) : $this->apply([
            'provider' => 'shopify',
            'provider_event_id' => $request->header('X-Shopify-Event-Id', $request->header('X-Shopify-Webhook-Id')),
            'shopify_shop_domain' => $request->header('X-Shopify-Shop-Domain'),
            'event_type' => 'orders/paid',
            'effect_type' => 'access_unlock',
            // A text, gid://shopify/Order/820982911946154508: programs in JavaScript change so large an id.
            'internal_reference' => $order['admin_graphql_api_id'],
        ], ['occurred_at' => $request->header('X-Shopify-Triggered-At', $order['updated_at'])]);
    }

    /** The same fields in the receipt and the result name the event, also when it is delivered twice. */
    private function apply(array $fields, array $details): Response
    {
        $client = new Client(...config('services.sendpromptly'));
        $client->receipt($fields + $details);
        try {
            $outcome = $this->grant($fields['internal_reference']);
        } catch (\Throwable $error) {
            $client->result('failed', $fields + ['error' => $error]);
            throw $error; // 500: the provider delivers it again, which is another chance
        }
        $client->result($outcome === 'superseded' ? $outcome : 'success', $fields);

        return response('', 200);
    }

    /** Your work. Look first whether it is done; 'superseded' if a newer event made this one void. */
    private function grant(string $reference)
    {
        logger("granting what was paid for to $reference");
    }
}
