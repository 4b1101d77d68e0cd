<?php

// app/Http/Controllers/RepairController.php: the repair endpoint. The client file and its settings are those
// of the webhook handlers. In routes/api.php, where no CSRF token is asked for:
//   Route::post('/repair', RepairController::class);

namespace App\Http\Controllers;

use Illuminate\Http\Request;
use Illuminate\Http\Response;
use SendPromptly\Client;

class RepairController extends Controller
{
    public function __invoke(Request $request): Response
    {
        // The signature is over the raw body, before any parser.
        $client = new Client(...config('services.sendpromptly'));
        [$status, $text] = $client->repair($request->headers->all(), $request->getContent(), $this->work(...));

        return response($text, $status)->header('Content-Type', 'text/plain');
    }

    /**
     * Your work; the client reports its result. Look first whether it is done: doing it twice must do no
     * harm. Return 'superseded' if a newer event made it void, and throw if it fails.
     */
    private function work(array $order)
    {
        logger("granting {$order['effect_type']} to {$order['internal_reference']}");
    }
}
