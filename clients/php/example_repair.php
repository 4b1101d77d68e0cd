<?php

// The repair endpoint in plain PHP. To try it: php -S 127.0.0.1:9000 clients/php/example_repair.php
// The settings come from SENDPROMPTLY_KEY, SENDPROMPTLY_SECRET and SENDPROMPTLY_URL.

require __DIR__ . '/SendPromptly.php';

$client = new SendPromptly\Client();

// The body as it came: $_POST and json_decode() would lose the bytes that the signature is over.
[$status, $text] = $client->repair(getallheaders(), file_get_contents('php://input'), function (array $order) {
    // Your work. Look first whether the effect is there: doing it twice must do no harm.
    error_log("granting {$order['effect_type']} to {$order['internal_reference']}");
});

if (!headers_sent()) { // under FPM the answer is out already
    http_response_code($status);
    header('Content-Type: text/plain');
    echo $text;
}
