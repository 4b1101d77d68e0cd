<?php

// The tests of SendPromptly.php, against a real HTTP server: php clients/php/test.php
// This file is also that server, and the other processes that the tests need.

require __DIR__ . '/SendPromptly.php';

use SendPromptly\Client;

const ACCEPTED = ['event_id' => 'ev_1', 'accepted' => true];
const EVENT = ['provider' => 'stripe', 'provider_event_id' => 'evt_1', 'event_type' => 'invoice.paid',
    'effect_type' => 'credit_grant', 'internal_reference' => 'user_456', 'occurred_at' => 1764079329];
const ORDER = ['type' => 'reprocess', 'replay_id' => 'rpl_1', 'event_id' => 'ev_1',
    'effect_type' => 'credit_grant', 'internal_reference' => 'müller'];
const RECEIPT_KEY = 'receipt-evt_1-invoice.paid-credit_grant-2f5baf64cc0cd2777f56911cd492daea';
const RESULT_KEY = 'result-evt_1-credit_grant-success-3fc8f4898cce199e7280eb315c28e619';
const IN_PROGRESS = ['error' => ['code' => 'idempotency_in_progress']];
const INVALID = ['error' => ['code' => 'validation_error', 'message' => 'bad fields',
    'fields' => [['field' => 'occurred_at', 'message' => 'needs a time zone']]]];

enum Suit
{
    case Hearts;
}

error_reporting(E_ALL);
set_error_handler(function (int $level, string $message, string $file, int $line) {
    // As Laravel does: a warning that is not silenced is an exception.
    return error_reporting() & $level ? throw new ErrorException($message, 0, $level, $file, $line) : false;
});

$role = $argv[1] ?? 'test';
if ($role === 'serve') {
    serve($argv[2]);
} elseif ($role === 'receipt') {
    (new Client($argv[2], 'sk_test_1', spool: $argv[3]))->receipt(EVENT);
} elseif ($role === 'receipts') {
    for ($index = 0; ; $index++) {
        $reference = "$argv[4]-$index";
        (new Client($argv[2], 'sk_test_1', spool: $argv[3], log: fn () => 0))->receipt(['internal_reference' => $reference] + EVENT);
        echo "$reference\n";
    }
} elseif ($role === 'flush') {
    (new Client($argv[2], 'sk_test_1', spool: $argv[3]))->flush();
} elseif ($role === 'exit-in-work') {
    ini_set('memory_limit', '64M');
    (new Client($argv[2], 'sk_test_1', secret(), $argv[3]))->repair(...[...signed(), function () use ($argv) {
        $argv[4] === 'exit' ? exit(0) : str_repeat('x', 100_000_000);
    }]);
} elseif ($role === 'laravel') {
    echo json_encode(laravel(json_decode($argv[2], true)));
} else {
    exit(run());
}

// ---- the server ----

/** Does what a request's path says, and writes each request to a file, as a line of JSON. */
function serve(string $log): never
{
    $server = stream_socket_server('tcp://127.0.0.1:0');
    echo parse_url('tcp://' . stream_socket_get_name($server, false), PHP_URL_PORT), "\n";
    [$open, $read, $hanging, $dripping, $counts] = [[], [], [], [], []];
    while (true) {
        [$ready, $none] = [[STDIN, $server, ...$open], null];
        stream_select($ready, $none, $none, 0, 200_000);
        array_map(fn ($client) => @fwrite($client, 'x'), $dripping);
        foreach ($ready as $client) {
            if ($client === STDIN) {
                exit; // the tests ended before it, and closed their end
            }
            if ($client === $server) {
                $client = stream_socket_accept($server);
                $open[(int) $client] = $client;
                $read[(int) $client] = '';
                continue;
            }
            $bytes = (string) @fread($client, 100_000);
            $read[(int) $client] .= $bytes;
            $request = parse($read[(int) $client]);
            if ($bytes !== '' && $request === null) {
                continue;
            }
            unset($open[(int) $client]);
            if ($request === null) {
                continue; // the client went away
            }
            file_put_contents($log, json_encode($request) . "\n", FILE_APPEND);
            [, $mode, $number] = explode('/', $request['path']);
            $counts[$request['key']] = $count = ($counts[$request['key']] ?? 0) + 1;
            if ($mode === 'endless') {
                stream_set_timeout($client, 5);
                @fwrite($client, "HTTP/1.1 202 Accepted\r\n\r\n" . str_repeat(' ', 10_000_000));
                fclose($client);
            } elseif ($mode === 'hang') {
                $hanging[] = $client;
            } elseif (str_starts_with($mode, 'drip')) {
                @fwrite($client, "HTTP/1.1 202 Accepted\r\nContent-Length: 999\r\n" . ($mode === 'drip' ? "\r\n" : 'X-Slow: '));
                $dripping[] = $client;
            } else {
                respond($client, ...answer($mode, (int) $number, $count, $request));
                fclose($client);
            }
        }
    }
}

function answer(string $mode, int $number, int $count, array $request): array
{
    return match ($mode) {
        'status' => [$number, $number === 409 ? IN_PROGRESS : []],
        'once' => $count > 1 ? [202, ACCEPTED] : [$number, $number === 409 ? IN_PROGRESS : []],
        'invalid' => [422, INVALID],
        'says' => [$number, urldecode(explode('/', $request['path'])[3])],
        'padded' => [202, str_pad('{"accepted":true}', $number)],
        'retry-after' => [503, [], "Retry-After: $number\r\n"],
        'poison' => str_contains($request['body'], 'poison') ? [500, []] : [202, ACCEPTED],
        default => [202, ACCEPTED],
    };
}

function parse(string $text): ?array
{
    [$head, $body] = explode("\r\n\r\n", $text, 2) + ['', null];
    preg_match_all('/^([\w-]+): (.*)\r?$/m', $head, $found);
    $headers = array_combine(array_map('strtolower', $found[1]), array_map('trim', $found[2]));
    if ($body === null || strlen($body) < (int) ($headers['content-length'] ?? 0)) {
        return null;
    }

    return ['path' => explode(' ', $head)[1], 'key' => $headers['idempotency-key'] ?? '', 'body' => $body,
        'headers' => $headers];
}

function respond($client, int $status, array|string $body, string $headers = ''): void
{
    $body = is_array($body) ? json_encode((object) $body) : $body;
    $length = strlen($body);
    @fwrite($client, "HTTP/1.1 $status Status\r\n{$headers}Content-Length: $length\r\nConnection: close\r\n\r\n$body");
}

// ---- the samples' framework ----

/** Calls a controller of the samples, with as much of Laravel and Stripe's library as it uses: [status, text]. */
function laravel(array $call): array
{
    class Request
    {
        public $headers;

        public function __construct(private array $given, private string $body)
        {
            $this->headers = new class ($given) {
                public function __construct(private array $given)
                {
                }

                public function all(): array
                {
                    return array_map(fn ($value) => [$value], array_change_key_case($this->given));
                }
            };
        }

        public function header(string $name, ?string $default = null): ?string
        {
            return $this->given[$name] ?? $default;
        }

        public function getContent(): string
        {
            return $this->body;
        }
    }
    class Response
    {
        public function __construct(public string $text, public int $status)
        {
        }

        public function header(string $name, string $value): self
        {
            return $this;
        }
    }
    class Webhook
    {
        public static function constructEvent(string $body, string $signature, string $secret): void
        {
            $signature === "signed with $secret" || throw new Forged();
        }
    }
    class Forged extends Exception
    {
    }
    class Controller
    {
    }
    function response(string $text, int $status): Response
    {
        return new Response($text, $status);
    }
    function config(string $name): mixed
    {
        return $GLOBALS['settings'][$name];
    }
    function logger(string $line): void
    {
        $GLOBALS['settings']['fails'] && throw new DomainException('no such user');
    }

    class_alias(Request::class, 'Illuminate\Http\Request');
    class_alias(Response::class, 'Illuminate\Http\Response');
    class_alias(Controller::class, 'App\Http\Controllers\Controller');
    class_alias(Webhook::class, 'Stripe\Webhook');
    class_alias(Forged::class, 'Stripe\Exception\SignatureVerificationException');
    $GLOBALS['settings'] = $call['settings'];
    require __DIR__ . '/../../crates/console/templates/samples/laravel/' . $call['file'];
    $request = new Request($call['headers'], $call['body']);
    try {
        $response = $call['file'] === 'repair.php'
            ? (new App\Http\Controllers\RepairController())($request)
            : (new App\Http\Controllers\WebhookController())->{$call['method']}($request);
    } catch (DomainException) {
        return [500, ''];
    }

    return [$response->status, $response->text];
}

// ---- what the tests use ----

/** One test: a spool, a log, and what the server was sent in it. */
final class Test
{
    public static string $server = '';
    public static string $requests = '';
    public static int $assertions = 0;
    public static array $processes = [];

    public string $spool;
    public array $log = [];

    public function __construct()
    {
        $this->spool = sys_get_temp_dir() . '/sendpromptly-test-' . bin2hex(random_bytes(6));
        file_put_contents(self::$requests, '');
    }

    public function client(string $mode = 'ok', mixed ...$settings): Client
    {
        $url = str_contains($mode, ':') ? $mode : self::$server . '/' . $mode . (str_contains($mode, '/') ? '' : '/0');

        return new Client(...$settings + ['url' => $url, 'key' => 'sk_test_1', 'secret' => secret(),
            'spool' => $this->spool, 'log' => function (string $line) { $this->log[] = $line; }]);
    }

    /** @return list<string> */
    public function files(string $inside = ''): array
    {
        return array_values(array_filter(array_map('basename', glob("$this->spool$inside/*")), fn ($name) => ctype_digit($name[0])));
    }

    public function requests(): array
    {
        return array_map(fn ($line) => json_decode($line, true), file(self::$requests));
    }

    public function sent(int $index = -1): array
    {
        return json_decode(array_slice($this->requests(), $index, 1)[0]['body'], true);
    }

    /** As if so many seconds had passed for all that waits. */
    public function later(int $seconds): void
    {
        foreach ($this->files() as $name) {
            $aged = preg_replace_callback('/\d{16}/', fn ($time) => $time[0] - $seconds * 1_000_000, $name);
            rename("$this->spool/$name", "$this->spool/$aged");
        }
    }
}

function same(mixed $expected, mixed $actual, string $what = ''): void
{
    Test::$assertions++;
    if ($expected !== $actual) {
        [$expected, $actual] = array_map(fn ($one) => substr(var_export($one, true), 0, 500), [$expected, $actual]);
        throw new RuntimeException("$what: expected $expected, got $actual");
    }
}

function holds(bool $fact, string $what): void
{
    same(true, $fact, $what);
}

function eventually(string $what, callable $condition): void
{
    for ($stop = microtime(true) + 120; microtime(true) < $stop; usleep(10_000)) {
        if ($condition()) {
            return;
        }
    }
    throw new RuntimeException("$what did not happen");
}

function seconds(callable $do): float
{
    $start = microtime(true);
    $do();

    return microtime(true) - $start;
}

/** Another process: [what proc_open gives, its output, its errors, its input]. It ends with its test. */
function start(array $command, array $settings = []): array
{
    $files = [['pipe', 'r'], ['pipe', 'w'], ['pipe', 'w']];
    $process = proc_open([PHP_BINARY, ...$command], $files, $pipes, null, $settings + getenv());
    Test::$processes[] = $process;

    return [$process, $pipes[1], $pipes[2], $pipes[0]];
}

/** Runs this file in another role, to its end. */
function finish(array $process): void
{
    stream_get_contents($process[1]);
    proc_close($process[0]);
}

function stop_all(): void
{
    foreach (Test::$processes as $process) {
        is_resource($process) && proc_terminate($process, 9);
    }
    Test::$processes = [];
}

function secret(string $letter = 's'): string
{
    return 'whsec_' . base64_encode(str_repeat($letter, 32));
}

/** The headers and the body of a repair callback. */
function signed(array $order = ORDER, ?string $nonce = null, int $age = 0, array $secrets = [null], ?string $key = null): array
{
    [$nonce, $time, $body] = [$nonce ?? bin2hex(random_bytes(16)), time() - $age, json_encode($order, JSON_UNESCAPED_UNICODE)];
    $sign = fn ($secret) => 'v1=' . hash_hmac('sha256', "$time.$nonce.$body", $key ?? base64_decode(substr($secret ?? secret(), 6)));

    return [['X-SP-Timestamp' => (string) $time, 'X-SP-Nonce' => $nonce, 'X-SP-Signature' => implode(',', array_map($sign, $secrets))], $body];
}

function never(): void
{
    throw new RuntimeException('this must not be worked on');
}

function run(): int
{
    Test::$requests = tempnam(sys_get_temp_dir(), 'requests');
    $server = start([__FILE__, 'serve', Test::$requests]);
    Test::$server = 'http://127.0.0.1:' . trim(fgets($server[1]));
    Test::$processes = [];
    $failures = 0;
    foreach (tests() as $name => $test) {
        try {
            $test($one = new Test());
        } catch (Throwable $error) {
            $failures++;
            echo "FAILED: $name\n  {$error->getMessage()}\n  {$error->getFile()}:{$error->getLine()}\n";
            echo implode('', array_map(fn ($line) => "  log: $line\n", $one->log));
        }
        stop_all();
        exec('rm -rf ' . escapeshellarg($one->spool));
    }
    proc_terminate($server[0], 9);
    unlink(Test::$requests);
    printf("%d tests, %d assertions, %d failures\n", count(tests()), Test::$assertions, $failures);

    return $failures ? 1 : 0;
}

// ---- the tests ----

function tests(): array
{
    return sending() + spooling() + texts() + repairing() + samples();
}

function sending(): array
{
    $tests = [
        'a call is sent once and its answer is returned' => function (Test $test) {
            $client = $test->client();
            same(ACCEPTED, $client->receipt(EVENT));
            same(ACCEPTED, $client->result('success', EVENT + ['payload' => ['not' => 'sent']]));
            same(0, $client->flush());
            [$receipt, $result] = $test->requests();
            same(2, count($test->requests()));
            same('/ok/0/api/v1/receipt', $receipt['path']);
            same('Bearer sk_test_1', $receipt['headers']['authorization']);
            same(RECEIPT_KEY, $receipt['key']);
            same(EVENT, json_decode($receipt['body'], true));
            same('/ok/0/api/v1/result', $result['path']);
            same(RESULT_KEY, $result['key']);
            same(['status' => 'success'] + EVENT, json_decode($result['body'], true));
            same([], $test->files());
            same([], $test->log);
        },
        'a refused connection keeps the call' => function (Test $test) {
            same(null, $test->client('http://127.0.0.1:1')->receipt(EVENT));
            same(1, count($test->files()));
        },
        'an address that is none does not throw' => function (Test $test) {
            same(null, $test->client('not an address: no')->receipt(EVENT));
            same(null, $test->client('://')->result('failed', []));
        },
        'a server that says nothing to TLS costs both calls 2 s together' => function (Test $test) {
            $silent = stream_socket_server('tcp://127.0.0.1:0');
            $client = $test->client('https://' . stream_socket_get_name($silent, false));
            holds(seconds(function () use ($client) {
                same(null, $client->receipt(EVENT));
                same(null, $client->result('success', EVENT));
            }) < 2, 'within 2 s');
        },
        'what is rejected is logged and set aside' => function (Test $test) {
            $client = $test->client('invalid');
            same(null, $client->receipt(EVENT));
            same(0, $client->flush());
            same(1, count($test->requests()));
            same(['sendpromptly: ' . RECEIPT_KEY . ' was rejected: '
                . '422, validation_error, bad fields, occurred_at: needs a time zone'], $test->log);
            [$name] = $test->files('/rejected');
            rename("$test->spool/rejected/$name", "$test->spool/$name");
            same(0, $test->client()->flush(), 'moved back, it is sent');
            same($test->requests()[0]['body'], $test->requests()[1]['body']);
        },
        'only what the server says of the call itself is final' => function (Test $test) {
            $says = fn (int $status, string $code) => $test->client("says/$status/" . urlencode(json_encode(['error' => ['code' => $code]])));
            foreach ([[422, 'ambiguous_event'], [409, 'idempotency_conflict'], [413, 'payload_too_large'], [413, 'too_many_fields']] as $one) {
                $says(...$one)->receipt(EVENT);
                holds(str_ends_with(end($test->log), " was rejected: $one[0], $one[1]"), end($test->log));
            }
            $says(404, 'not_found')->result('success', ['event_id' => 'ev_1']);
            holds(str_ends_with(end($test->log), ' was rejected: 404, not_found'), 'nobody knows that event');
            same([], $test->files());
            same(5, count($test->files('/rejected')));
        },
        'what can be put right is kept, told with its cure, and sent then' => function (Test $test) {
            $error = fn (mixed $code) => json_encode(['error' => ['code' => $code, 'message' => 'no', 'fields' => 'odd']]);
            $foreign = "not a response of sendpromptly's, check SENDPROMPTLY_URL and the proxies";
            $passing = [
                [401, $error('unauthorized'), '401, unauthorized, no, check SENDPROMPTLY_KEY'],
                [404, $error('not_found'), '404, not_found, no, check SENDPROMPTLY_URL'],
                [400, $error('malformed_request'), '400, malformed_request, no'],
                [422, $error('a_code_of_later_days'), '422, a_code_of_later_days, no'],
                [422, $error(['validation_error']), $foreign],
                [500, $error('validation_error'), '500, validation_error, no'],
                [422, '{"error":"validation_error"}', "422, $foreign"],
                ...array_map(fn ($status) => [$status, '<html>', "$status, $foreign"], [400, 403, 404, 409, 413, 422, 429, 502]),
                // What a portal or another service says is no acceptance either.
                ...array_map(fn ($text) => [200, $text, "200, $foreign"],
                    ['<html>', '[]', 'null', '7', '"text"', '{}', '{"accepted":false}', '[{"accepted":true}]']),
            ];
            foreach ($passing as [$status, $text, $why]) {
                $test->log = [];
                $client = $test->client("says/$status/" . urlencode($text));
                same(null, $client->receipt(EVENT));
                holds(str_contains($test->log[0], 'did not get through, it is sent again: ') && str_ends_with($test->log[0], $why), $test->log[0]);
                same([1, 1], [$client->flush(), $client->flush()]);
                same(2, count($test->log), 'a reason is told once');
                same(0, $test->client()->flush());
                same(RECEIPT_KEY, array_slice($test->requests(), -1)[0]['key']);
                same([], glob("$test->spool/rejected"));
            }
        },
        'an answer is read up to 64 KiB' => function (Test $test) {
            same(['accepted' => true], $test->client('padded/65536')->receipt(EVENT));
            foreach (['padded/65537', 'endless'] as $mode) {
                same(null, $test->client($mode)->receipt(EVENT));
                holds(str_ends_with(end($test->log), 'a response of over 65536 bytes'), end($test->log));
            }
        },
        'what is set aside stays for 30 days, 10,000 of it, and what is removed is told' => function (Test $test) {
            mkdir("$test->spool/rejected", 0700, true);
            $aside = fn (float $days, string $random) => touch(sprintf('%s/rejected/%d-%s.0000000000000000', $test->spool,
                (microtime(true) - $days * 86400) * 1e6, $random));
            $aside(31, 'aaaaaaaa');
            $aside(29, 'bbbbbbbb');
            $test->client('invalid')->receipt(EVENT);
            same(2, count($test->files('/rejected')));
            same(1, preg_match('~removed from .*/rejected: 1 that are old, \d+-aaaaaaaa~', end($test->log)));
            for ($index = 0; $index < 10_000; $index++) {
                $aside(1, sprintf('%08x', $index));
            }
            $test->client('invalid')->receipt(EVENT);
            same(10_000, count($test->files('/rejected')));
            same([], glob("$test->spool/rejected/*-bbbbbbbb.*"));
            holds(str_contains(end($test->log), ': 3 that are old'), end($test->log));
        },
        'a missing or broken key is logged and nothing is sent' => function (Test $test) {
            foreach (['', "sk_test\n_1"] as $key) {
                $client = $test->client(key: $key);
                same(null, $client->receipt(EVENT));
                same(null, $client->result('success', EVENT));
            }
            same([], $test->requests());
            same('sendpromptly: receipt not sent: SENDPROMPTLY_KEY is not set', $test->log[0]);
            same(false, str_contains(implode($test->log), 'sk_test'));
        },
        'settings come from the environment' => function (Test $test) {
            $_SERVER['SENDPROMPTLY_KEY'] = " sk_test_2\n";
            putenv('SENDPROMPTLY_URL=' . Test::$server . '/ok/0/');
            same(ACCEPTED, (new Client(spool: $test->spool))->receipt(EVENT));
            same('Bearer sk_test_2', $test->requests()[0]['headers']['authorization']);
            unset($_SERVER['SENDPROMPTLY_KEY']);
            putenv('SENDPROMPTLY_URL');
        },
        'a log that fails changes nothing' => function (Test $test) {
            same(null, $test->client('status/500', log: fn () => throw new Exception('full'))->receipt(EVENT));
        },
        'neither key nor payload is logged' => function (Test $test) {
            $test->client('status/500')->receipt(EVENT + ['payload' => ['card' => '4242']]);
            same(0, preg_match('/sk_test_1|4242/', implode($test->log)));
        },
        'test events of providers get a key each' => function (Test $test) {
            $key = function (array $fields) use ($test) {
                $test->client()->receipt($fields + EVENT);

                return array_slice($test->requests(), -1)[0]['key'];
            };
            $tests = ['evt_00000000000000', 'evt_00000000', '00000000', '00000000-0000-0000-0000-000000000000'];
            foreach ($tests as $id) {
                [$first, $second] = [$key(['provider_event_id' => $id]), $key(['provider_event_id' => $id])];
                holds($first !== $second, "different keys for $id");
                same(1, preg_match("/^receipt-$id-invoice.paid-credit_grant-\\w{32}-\\w{8}$/", $first), $first);
            }
            same(1, preg_match('/-\w{32}-\w{8}$/', $key(['provider_event_id' => null, 'stripe_event_id' => $tests[0]])));
            foreach (['evt_0', 'evt_0000000', '0', '--------', 'evt_00000000000001', 'ev_00000000'] as $id) {
                same(1, preg_match('/-credit_grant-\w{32}$/', $key(['provider_event_id' => $id])), $id);
            }
        },
        'environment proxies play no part' => function (Test $test) {
            putenv('http_proxy=http://127.0.0.1:1');
            putenv('no_proxy');
            putenv('NO_PROXY');
            same(ACCEPTED, $test->client()->receipt(EVENT));
            putenv('http_proxy');
        },
    ];
    foreach (['hang', 'drip', 'dripping-headers'] as $mode) {
        $tests["a server that does $mode costs both calls 2 s together, and they arrive later"] = function (Test $test) use ($mode) {
            $client = $test->client($mode);
            holds(seconds(function () use ($client) {
                same(null, $client->receipt(EVENT));
                same(null, $client->result('success', EVENT));
            }) < 2, 'within 2 s');
            same(2, count($test->files()));
            same(0, $test->client()->flush());
            same([RECEIPT_KEY, RESULT_KEY], array_column(array_slice($test->requests(), -2), 'key'));
            holds(str_contains($test->log[0], 'did not get through, it is sent again: no response in time'), 'logged');
        };
    }
    foreach ([408, 409, 425, 429, 500, 503] as $status) {
        $tests["$status is sent again with the same key and bytes"] = function (Test $test) use ($status) {
            $client = $test->client("once/$status");
            $reference = ['internal_reference' => bin2hex(random_bytes(4))];
            same(null, $client->receipt($reference + EVENT));
            same(0, $client->flush());
            [$first, $second] = $test->requests();
            same([$first['key'], $first['body']], [$second['key'], $second['body']]);
            same(2, count($test->requests()));
        };
    }

    return $tests;
}

function spooling(): array
{
    return [
        'a call survives a process that is killed while it sends it' => function (Test $test) {
            [$process] = start([__FILE__, 'receipt', Test::$server . '/hang/0', $test->spool]);
            eventually('the file', fn () => $test->files() && $test->requests());
            proc_terminate($process, 9);
            proc_close($process);
            same(1, $test->client()->flush(), 'it could still be under way');
            $test->later(61);
            finish(start([__FILE__, 'flush', Test::$server . '/ok/0', $test->spool]));
            same([RECEIPT_KEY, RECEIPT_KEY], array_column($test->requests(), 'key'));
            same([], $test->files());
        },
        'a call that gets through takes due ones along' => function (Test $test) {
            foreach (['a', 'b', 'c', 'd'] as $name) {
                $test->client('status/503')->receipt(['internal_reference' => $name] + EVENT);
            }
            $test->client()->receipt(EVENT);
            same(4, count($test->files()), 'they are not due');
            $test->later(61);
            $test->client()->receipt(EVENT);
            same(1, count($test->files()), 'three at most');
        },
        'several processes share a spool and send each call once' => function (Test $test) {
            for ($index = 0; $index < 40; $index++) {
                $test->client('status/503')->receipt(['internal_reference' => "user_$index"] + EVENT);
            }
            file_put_contents(Test::$requests, '');
            $flush = [__FILE__, 'flush', Test::$server . '/ok/0', $test->spool];
            array_map(finish(...), [start($flush), start($flush), start($flush)]);
            same(40, count($test->requests()));
            same(40, count(array_unique(array_column($test->requests(), 'key'))));
            same([], $test->files());
        },
        'the oldest is sent first' => function (Test $test) {
            $test->client('http://127.0.0.1:1')->receipt(EVENT);
            $test->client('http://127.0.0.1:1')->result('success', EVENT);
            same(0, $test->client()->flush());
            same(['/ok/0/api/v1/receipt', '/ok/0/api/v1/result'], array_column($test->requests(), 'path'));
        },
        'waits double up to a minute, and Retry-After is respected as far' => function (Test $test) {
            foreach ([[0, 0, 1, 1.5], [8, 0, 6, 10.5], [900, 0, 45, 60], [0, 30, 30, 30.1], [0, 7200, 60, 60.1]] as $one) {
                [$age, $retryAfter, $least, $most] = $one;
                $client = $test->client("retry-after/$retryAfter");
                $client->receipt(EVENT);
                $test->later($age);
                $client->flush();
                $wait = substr($test->files()[0], -16) / 1e6 - microtime(true);
                holds($wait > $least - 0.5 && $wait <= $most, "waits $wait s for " . json_encode($one));
                unlink("$test->spool/{$test->files()[0]}");
            }
        },
        'a process that is killed at any moment leaves whole calls, and all it was told of' => function (Test $test) {
            $told = [];
            for ($round = 0; $round < 8; $round++) {
                [$process, $output] = start([__FILE__, 'receipts', Test::$server . '/status/503', $test->spool, (string) $round]);
                for ($lines = 0; $lines <= $round; $lines++) {
                    $told[] = trim(fgets($output));
                }
                proc_terminate($process, 9);
                $told = [...$told, ...array_slice(explode("\n", stream_get_contents($output)), 0, -1)];
                proc_close($process);
            }
            foreach (glob("$test->spool/*") as $file) { // a minute later
                rename($file, preg_replace_callback('/\.(\d{16})/', fn ($due) => '.' . ($due[1] - 61_000_000), $file));
            }
            file_put_contents(Test::$requests, '');
            same(0, $test->client()->flush());
            same([[], []], [glob("$test->spool/*"), $test->log], 'no half-written one either');
            $arrived = array_map(fn ($request) => json_decode($request['body'], true)['internal_reference'], $test->requests());
            same([], array_diff($told, $arrived));
        },
        'calls of a week ago, and damaged ones, are set aside' => function (Test $test) {
            $test->client('http://127.0.0.1:1')->receipt(EVENT);
            $test->later(7 * 86400);
            foreach (['', "receipt\nkey", "GET\nkey\n{}"] as $index => $text) {
                file_put_contents(sprintf('%s/%d-0000000%d.%d', $test->spool, microtime(true) * 1e6, $index, microtime(true) * 1e6), $text);
            }
            same(0, $test->client()->flush());
            same([], $test->requests());
            same(4, count($test->files('/rejected')));
            $lines = implode("\n", array_slice($test->log, 1));
            same([1, 3], [substr_count($lines, RECEIPT_KEY . ' was set aside: it is 7 days old'), substr_count($lines, ' was set aside: the file is damaged')]);
        },
        'on a full disk calls are sent all the same, and nothing is left behind' => function (Test $test) {
            mkdir($test->spool);
            exec('mount -t tmpfs -o size=64k none ' . escapeshellarg($test->spool) . ' 2>&1', $output, $status);
            if ($status !== 0) {
                return; // only root can mount a small disk
            }
            try {
                same(ACCEPTED, $test->client()->receipt(EVENT));
                @file_put_contents("$test->spool/filler", str_repeat('x', 65_536));
                same(ACCEPTED, $test->client()->receipt(EVENT));
                holds(str_contains($test->log[0], 'No space left on device'), $test->log[0]);
                same(null, $test->client('status/503')->receipt(EVENT));
                holds(str_contains(end($test->log), 'it is lost'), end($test->log));
                same(["$test->spool/filler"], glob("$test->spool/*"));
                unlink("$test->spool/filler");
                same(null, $test->client('status/503')->receipt(EVENT));
                same(0, $test->client()->flush());
            } finally {
                exec('umount -l ' . escapeshellarg($test->spool));
            }
        },
        'a full spool takes no more, and the call is sent' => function (Test $test) {
            mkdir($test->spool);
            for ($index = 0; $index < 10_000; $index++) {
                touch(sprintf('%s/%016d-00000000.9999999999999999.sending', $test->spool, time() * 1_000_000 + $index));
            }
            same(ACCEPTED, $test->client()->receipt(EVENT));
            holds(str_contains($test->log[0], '10000 calls wait'), 'logged');
            same(10_000, count($test->files()));
        },
        'a spool that cannot be written stops nothing' => function (Test $test) {
            touch($test->spool);
            same(ACCEPTED, $test->client()->receipt(EVENT));
            holds(str_ends_with($test->log[0], "is not kept in $test->spool: mkdir(): File exists"), $test->log[0]);
            same(null, $test->client('status/503')->receipt(EVENT));
            holds(str_contains($test->log[2], 'it is lost'), 'logged');
            same(ACCEPTED, $test->client(spool: '/proc/none')->receipt(EVENT));
            same(1, preg_match('~mkdir\(\): (No such file or directory|Permission denied)$~', end($test->log)), end($test->log));
            same(ACCEPTED, $test->client(spool: '/proc')->receipt(EVENT));
            same(1, preg_match('~fopen\(/proc/.*: (No such file or directory|Permission denied)$~', end($test->log)), end($test->log));
            set_error_handler(fn () => true); // an app's that says nothing
            same(ACCEPTED, $test->client(spool: '/proc/none')->receipt(EVENT));
            restore_error_handler();
            same(1, preg_match('~mkdir\(\): (No such file or directory|Permission denied)$~', end($test->log)), end($test->log));
        },
        'in the temporary folder, another user\'s folder is not used' => function (Test $test) {
            if (!function_exists('posix_getuid') || posix_getuid() !== 0) {
                return; // only root can make one
            }
            $folder = sys_get_temp_dir() . '/sendpromptly-spool-' . substr(hash('sha256', $key = bin2hex(random_bytes(8))), 0, 8);
            mkdir($folder);
            chown($folder, 1);
            same(ACCEPTED, $test->client(key: $key, spool: '')->receipt(EVENT));
            same([], glob("$folder/*"));
            holds(str_ends_with($test->log[0], "the folder is another user's"), $test->log[0]);
            rmdir($folder);
        },
        'the spool is private' => function (Test $test) {
            $test->client('status/503')->receipt(EVENT);
            same(0700, fileperms($test->spool) & 0777);
            same(0600, fileperms("$test->spool/{$test->files()[0]}") & 0777);
        },
        'calls that never get through do not hold up the others' => function (Test $test) {
            foreach ([...array_map(fn ($number) => "poison $number", range(1, 7)), 'a', 'b'] as $name) {
                $test->client('status/503')->receipt(['internal_reference' => $name] + EVENT);
            }
            $left = array_map(fn () => $test->client('poison')->flush(), range(1, 4));
            same(7, $left[3], json_encode($left));
        },
    ];
}

function texts(): array
{
    $sent = function (Test $test, array $fields) {
        same(ACCEPTED, $test->client()->result('failed', $fields + ['provider_event_id' => 'evt_1']), implode($test->log));

        return $test->sent();
    };
    $message = fn (Test $test, string $text) => $sent($test, ['error_message' => $text])['error_message'];

    return [
        'texts are cut between characters' => function (Test $test) use ($sent, $message) {
            same(str_repeat('x', 1992) . '😀', $message($test, str_repeat('x', 1992) . '😀'));
            same(str_repeat('😀', 2000), $message($test, str_repeat('😀', 20_000)));
            same(str_repeat('é', 200), $sent($test, ['error_code' => str_repeat('é', 300)])['error_code']);
        },
        'control characters are removed, but newline and tab' => function (Test $test) use ($message) {
            same("a\n\tb[31mc", $message($test, "a\0\r\n\tb\e[31mc\u{85}"));
        },
        'what is no UTF-8 is replaced' => function (Test $test) use ($sent, $message) {
            same("caf\u{FFFD}", $message($test, "caf\xE9"));
            same("x\u{FFFD}", $message($test, "x\xED\xA0\xBD"));
            same("a\u{FFFD}", $sent($test, ['internal_reference' => "a\xFF"])['internal_reference']);
        },
        'exceptions give code and message' => function (Test $test) use ($sent) {
            $body = $sent($test, ['error' => new DomainException('why')]);
            same(['DomainException', 'why'], [$body['error_code'], $body['error_message']]);
            same(false, isset($body['error']));
            same('db', $sent($test, ['error' => new DomainException('why'), 'error_code' => 'db'])['error_code']);
            same('Exception@anonymous', $sent($test, ['error' => new class extends Exception {}])['error_code']);
            same('why', $sent($test, ['error' => 'why'])['error_message']);
        },
        'other values become what the server expects' => function (Test $test) {
            $test->client()->receipt(['internal_reference' => 456, 'timeout_minutes' => 5, 'effect_key' => null,
                'occurred_at' => new DateTimeImmutable('2025-11-25T16:02:09+02:00')] + EVENT);
            $body = $test->sent();
            same(['456', 5, '2025-11-25T16:02:09+02:00'], [$body['internal_reference'], $body['timeout_minutes'], $body['occurred_at']]);
            same(false, array_key_exists('effect_key', $body));
        },
        'an amount is sent exactly, or left out and told' => function (Test $test) {
            $sent = function (mixed $amount) use ($test) {
                $test->client()->receipt(['amount' => $amount] + EVENT);

                return $test->sent()['amount'] ?? null;
            };
            same(['value' => 4900, 'currency' => 'USD'], $sent(['value' => 4900, 'currency' => 'usd', 'exponent' => 2]));
            same(null, $sent(null));
            same([], $test->log);
            $odd = [49, '49.00 USD', [], [4900, 'USD'], ['value' => 49.0, 'currency' => 'USD'], ['value' => '4900', 'currency' => 'USD']];
            foreach ($odd as $wrong) {
                same(null, $sent($wrong));
            }
            same(count($odd), count(preg_grep('/amount left out/', $test->log)));
        },
        'no value of an error costs its report' => function (Test $test) use ($sent) {
            $circle = ['a' => 1];
            $circle['circle'] = &$circle;
            $mute = new class {
                public function __toString(): string
                {
                    throw new DomainException('no');
                }
            };
            $cases = [[new stdClass(), 'stdClass'], [fn () => 1, 'Closure'], [Suit::Hearts, 'Hearts'], [$mute, 'class@anonymous'],
                [['no' => ['funds', 7]], '{"no":["funds",7]}'], [$circle, 'array'], [NAN, 'NAN'], [1.5, '1.5'], [STDIN, (string) STDIN]];
            foreach ($cases as [$value, $text]) {
                foreach (['error', 'error_message', 'error_code'] as $name) {
                    $body = $sent($test, [$name => $value]);
                    same($text, $body[$name === 'error' ? 'error_message' : $name]);
                    same($name === 'error_code', isset($body['error_code']), 'no code is made up');
                }
            }
            same([], $test->log);
            same(false, isset($sent($test, ['effect_key' => ['a']])['effect_key']));
            same(['sendpromptly: effect_key left out: its value (array) has no text'], $test->log);
        },
        'a text as error is the message, and null is nothing' => function (Test $test) use ($sent) {
            $event = ['status' => 'failed', 'provider_event_id' => 'evt_1'];
            same($event + ['error_message' => 'card declined'], $sent($test, ['error' => 'card declined']));
            same($event, $sent($test, ['error' => null]));
        },
        'ids that are numbers are sent as texts with all the digits they have' => function (Test $test) {
            foreach ([[820982911946154508, '820982911946154508'], [456.0, '456'], [1e15, '1000000000000000'], [0, '0']] as [$id, $text]) {
                $test->client()->receipt(['provider_event_id' => $id, 'internal_reference' => $id, 'effect_key' => $id] + EVENT);
                $body = $test->sent();
                same([$text, $text, $text], [$body['provider_event_id'], $body['internal_reference'], $body['effect_key']]);
            }
            $test->client()->result('success', ['event_id' => 820982911946154508]);
            same('820982911946154508', $test->sent()['event_id']);
            same([], $test->log);
            $test->client()->receipt(['internal_reference' => 820982911946154508.0] + EVENT);
            same('820982911946154496', $test->sent()['internal_reference']);
            holds(str_contains($test->log[0], 'internal_reference is a float, which has lost digits of the id'), 'logged');
        },
        'times are sent as the server takes them' => function (Test $test) {
            foreach ([1764079329.25, 1764079329, 1764079329.0] as $time) {
                $test->client()->receipt(['occurred_at' => $time] + EVENT);
                same(true, $test->sent()['occurred_at'] == $time && !is_string($test->sent()['occurred_at']));
            }
            $test->client()->receipt(['occurred_at' => NAN] + EVENT);
            same('NAN', $test->sent()['occurred_at']);
        },
        'a payload is sent if it is JSON of 64 KB at most' => function (Test $test) {
            $circle = new stdClass();
            $circle->self = $circle;
            foreach ([['a' => str_repeat('x', 65_528)], ['a' => str_repeat('x', 65_529)], ['a' => NAN], $circle] as $payload) {
                same(ACCEPTED, $test->client()->receipt(EVENT + ['payload' => $payload]));
            }
            $bodies = array_map(fn ($request) => json_decode($request['body'], true), $test->requests());
            same([true, false, false, false], array_map(fn ($body) => isset($body['payload']), $bodies));
            same(3, count($test->log));
        },
        'ids are sent without white space around them, and empty fields not at all' => function (Test $test) {
            $odd = ['effect_key' => '', 'shopify_shop_domain' => ' ', 'replay_id' => '', 'error_code' => '', 'error_message' => null,
                'provider_event_id' => "\u{a0}evt_1\n", 'internal_reference' => " user_456\u{3000}"];
            $test->client()->receipt($odd + EVENT);
            same(EVENT, array_merge(EVENT, $test->sent()));
            same(RECEIPT_KEY, $test->requests()[0]['key']);
            $test->client()->result('success', ['event_id' => 'ev_1', 'replay_id' => '']);
            same(['status' => 'success', 'event_id' => 'ev_1'], $test->sent());
            same('result-ev_1-success', $test->requests()[1]['key']);
        },
        'no two events share a key' => function () {
            $key = fn (array $one) => Client::idempotencyKey($one['call'], $one['fields'] + ['status' => $one['status'] ?? null]);
            $keys = array_map($key, json_decode(file_get_contents(__DIR__ . '/../keys.json'), true)['apart']);
            holds(count($keys) > 30, 'there are some');
            same(count($keys), count(array_unique($keys)));
            // All that a few pieces can be put together to.
            $events = [[]];
            foreach (['provider', 'provider_event_id', 'event_type', 'effect_type', 'internal_reference', 'effect_key'] as $name) {
                $with = fn ($event) => array_map(fn ($piece) => $event + [$name => $piece], ['', 'a', 'a-a', 'stripe']);
                $events = array_merge(...array_map($with, $events));
            }
            $seen = [];
            foreach ($events as $event) {
                $seen[Client::idempotencyKey('receipt', $event)] = true;
                $seen[Client::idempotencyKey('result', $event + ['status' => 'success'])] = true;
            }
            same(2 * 4 ** 6, count($seen));
        },
        'keys are the same in every language' => function (Test $test) {
            $cases = json_decode(file_get_contents(__DIR__ . '/../keys.json'), true)['cases'];
            holds(count($cases) > 30, 'there are cases');
            foreach ($cases as $case) {
                $status = $case['status'] ?? null;
                same($case['key'], Client::idempotencyKey($case['call'], $case['fields'] + ['status' => $status]), $case['name']);
                $status === null ? $test->client()->receipt($case['fields']) : $test->client()->result($status, $case['fields']);
                same($case['key'], array_slice($test->requests(), -1)[0]['key'], $case['name']);
            }
        },
    ];
}

function repairing(): array
{
    $tests = [
        'a good order is given back, whatever the headers look like' => function (Test $test) {
            [$headers, $body] = signed();
            same(ORDER, $test->client()->verify($headers, $body));
            $server = [];
            foreach ($headers as $name => $value) {
                $server['HTTP_' . strtr(strtoupper($name), '-', '_')] = $value;
            }
            same(ORDER, $test->client()->verify($server + $_SERVER, $body));
            same(ORDER, $test->client()->verify(array_map(fn ($value) => [$value], array_change_key_case($headers)), $body));
            same(ORDER, $test->client()->verify(...signed(secrets: [secret('o'), null])));
        },
        'what is not genuine is refused with its reason' => function (Test $test) {
            [$headers, $body] = signed();
            foreach ([
                ['bad signature', signed(secrets: [secret('o')])], ['bad signature', [$headers, "$body "]],
                ['bad signature', [['X-SP-Signature' => ''] + $headers, $body]],
                ['stale timestamp', signed(age: 301)], ['stale timestamp', signed(age: -302)],
                ['bad nonce', signed(nonce: 'a.b')], ['bad nonce', signed(nonce: '')], ['no timestamp', [[], '{}']],
            ] as [$reason, $request]) {
                same(null, $test->client()->verify(...$request), $reason);
                same([401, $reason], $test->client()->repair(...[...$request, never(...)]));
            }
        },
        'a parsed body is a clear mistake' => function (Test $test) {
            [$headers] = signed();
            [$status, $text] = $test->client()->repair($headers, ORDER, never(...));
            same(500, $status);
            holds(str_starts_with($text, 'the raw body is needed, before any parser: '), $text);
            try {
                $test->client()->verify($headers, (object) ORDER);
                never();
            } catch (InvalidArgumentException $error) {
                same($text, $error->getMessage());
            }
        },
        'without a secret or a key nothing is repaired' => function (Test $test) {
            foreach (['', 'whsec_'] as $secret) {
                $answer = $test->client(secret: $secret)->repair(...[...signed(key: ''), never(...)]);
                same([500, 'SENDPROMPTLY_SECRET is not set'], $answer);
            }
            same([500, 'SENDPROMPTLY_KEY is not set'], $test->client(key: '')->repair(...[...signed(), never(...)]));
        },
        'a probe is answered without work' => function (Test $test) {
            $client = $test->client();
            same([200, 'probe'], $client->repair(...[...signed(['type' => 'probe'] + ORDER), never(...)]));
            same([422, 'unknown type'], $client->repair(...[...signed(['type' => 'other'] + ORDER), never(...)]));
        },
        'the work is done once and its result is reported' => function (Test $test) {
            $orders = [];
            $request = signed();
            $answer = $test->client()->repair(...[...$request, function (array $order) use (&$orders) { $orders[] = $order; }]);
            same([202, 'accepted'], $answer);
            same([409, 'nonce seen before'], $test->client()->repair(...[...$request, never(...)]));
            same([202, 'taken before'], $test->client()->repair(...[...signed(), never(...)]));
            same([ORDER], $orders);
            same(['status' => 'success', 'event_id' => 'ev_1', 'replay_id' => 'rpl_1'], $test->sent());
            same(['result-ev_1-success-rpl_1'], array_column($test->requests(), 'key'));
        },
        'work can find the effect superseded' => function (Test $test) {
            same([202, 'accepted'], $test->client()->repair(...[...signed(), fn () => 'superseded']));
            same('superseded', $test->sent()['status']);
        },
        'work that throws is reported and can be done again' => function (Test $test) {
            $fail = fn () => throw new TypeError('no');
            same([202, 'accepted'], $test->client()->repair(...[...signed(), $fail]));
            $body = $test->sent();
            same(['failed', 'TypeError', 'no'], [$body['status'], $body['error_code'], $body['error_message']]);
            same([202, 'accepted'], $test->client()->repair(...[...signed(), fn () => null]));
            same('success', $test->sent()['status']);
        },
        'old nonces are forgotten' => function (Test $test) {
            $test->client()->repair(...[...signed(['type' => 'probe'] + ORDER), never(...)]);
            [$old] = glob("$test->spool/seen/*");
            touch($old, time() - 61);
            $test->client()->repair(...[...signed(['type' => 'probe'] + ORDER), never(...)]);
            same(false, file_exists($old));
            same(1, count(glob("$test->spool/seen/*")));
        },
        'work is claimed for an hour, and once it is done for a month' => function (Test $test) {
            $left = fn () => (int) round(filemtime(glob("$test->spool/seen/replay-*")[0]) - time(), -2);
            $test->client()->repair(...[...signed(), fn () => same(3600, $left())]);
            clearstatcache();
            same(30 * 86400, $left());
        },
        'several machines share what was seen' => function (Test $test) {
            $table = [];
            $shared = [
                'claim' => function (string $name, int $seconds) use (&$table) {
                    $isFirst = !isset($table[$name]);
                    $table[$name] ??= $seconds;

                    return $isFirst;
                },
                'extend' => function (string $name, int $seconds) use (&$table) { $table[$name] = $seconds; },
                'release' => function (string $name) use (&$table) { unset($table[$name]); },
            ];
            $test->client('ok', ...$shared)->repair(...[...signed(), fn () => throw new Exception('no')]);
            $answer = $test->client('ok', ...$shared, spool: "$test->spool-2")->repair(...[...signed(), fn () => null]);
            same([202, 'accepted'], $answer);
            same([202, 'taken before'], $test->client('ok', ...$shared)->repair(...[...signed(), never(...)]));
            same([600, 30 * 86400], array_values(array_unique($table)));
            same([], $test->log);
            exec('rm -rf ' . escapeshellarg("$test->spool-2"));
        },
        'the example answers through the server that PHP brings' => function (Test $test) {
            $settings = ['SENDPROMPTLY_URL' => Test::$server . '/ok/0', 'SENDPROMPTLY_KEY' => 'sk_test_1',
                'SENDPROMPTLY_SECRET' => secret(), 'SENDPROMPTLY_SPOOL' => $test->spool];
            [, , $errors] = start(['-S', '127.0.0.1:0', __DIR__ . '/example_repair.php'], $settings);
            preg_match('~http://[\d.:]+~', fgets($errors), $url);
            $post = function (array $headers, string $body) use ($url) {
                $headers['Content-Type'] = 'application/json';
                $lines = array_map(fn ($name, $value) => "$name: $value", array_keys($headers), $headers);
                $http = ['method' => 'POST', 'header' => $lines, 'content' => $body, 'ignore_errors' => true];
                $text = file_get_contents($url[0], false, stream_context_create(['http' => $http]));

                return [(int) explode(' ', $http_response_header[0])[1], $text];
            };
            same([200, 'probe'], $post(...signed(['type' => 'probe'] + ORDER)));
            same([401, 'bad signature'], $post(...signed(secrets: [secret('o')])));
            same([202, 'accepted'], $post(...signed()));
            same('success', $test->sent()['status']);
        },
    ];
    foreach (['exit' => 'exit() was called', 'fatal' => 'Allowed memory size'] as $end => $message) {
        $tests["work that ends the process ($end) is reported and can be done again"] = function (Test $test) use ($end, $message) {
            finish(start([__FILE__, 'exit-in-work', Test::$server . '/ok/0', $test->spool, $end]));
            holds(str_starts_with($test->sent()['error_message'], $message), json_encode($test->sent()));
            same([202, 'accepted'], $test->client()->repair(...[...signed(), fn () => null]));
        };
    }

    return $tests;
}

function samples(): array
{
    $run = function (Test $test, string $file, string $method, array $headers, string $body, bool $fails = false): array {
        $settings = ['services.stripe.webhook_secret' => 'whsec_1', 'services.shopify.secret' => 'shpss_1', 'fails' => $fails,
            'services.sendpromptly' => ['url' => Test::$server . '/ok/0', 'key' => 'sk_test_1', 'secret' => secret(), 'spool' => $test->spool]];
        $call = compact('file', 'method', 'headers', 'body', 'settings');
        [, $output, $errors] = start([__FILE__, 'laravel', json_encode($call)]);
        $text = stream_get_contents($output);

        return json_decode($text, true) ?? throw new RuntimeException($text . stream_get_contents($errors));
    };
    $selector = ['provider' => 'stripe', 'provider_event_id' => 'evt_1', 'event_type' => 'checkout.session.completed',
        'effect_type' => 'credit_grant', 'internal_reference' => 'user_456'];
    $checkout = fn (string $status) => json_encode(['id' => 'evt_1', 'type' => 'checkout.session.completed', 'created' => 1764079329,
        'data' => ['object' => ['payment_status' => $status, 'client_reference_id' => 'user_456']]]);
    $stripe = fn (Test $test, string $body, string $secret = 'whsec_1', bool $fails = false) =>
        $run($test, 'calls.php', 'stripe', ['Stripe-Signature' => "signed with $secret"], $body, $fails);

    return [
        'a paid checkout is reported from its receipt to its result' => function (Test $test) use ($stripe, $checkout, $selector) {
            same([200, ''], $stripe($test, $checkout('paid')));
            same($selector, array_intersect_key($test->sent(0), $selector));
            same([1764079329, 'evt_1'], [$test->sent(0)['occurred_at'], $test->sent(0)['payload']['id']]);
            same(['status' => 'success'] + $selector, $test->sent(1));
        },
        'an unpaid checkout and a foreign signature report nothing' => function (Test $test) use ($stripe, $checkout) {
            same([200, ''], $stripe($test, $checkout('unpaid')));
            same([400, ''], $stripe($test, $checkout('paid'), 'another'));
            same([], $test->requests());
        },
        'a failed grant is reported and thrown' => function (Test $test) use ($stripe, $checkout, $selector) {
            same([500, ''], $stripe($test, $checkout('paid'), fails: true));
            $why = ['error_code' => 'DomainException', 'error_message' => 'no such user'];
            same(['status' => 'failed'] + $selector + $why, $test->sent());
        },
        'a paid order is reported under its event id' => function (Test $test) use ($run) {
            $order = json_encode(['admin_graphql_api_id' => 'gid://shopify/Order/820982911946154508', 'updated_at' => '2026-11-21T09:02:09-05:00']);
            $headers = ['X-Shopify-Hmac-Sha256' => base64_encode(hash_hmac('sha256', $order, 'shpss_1', true)),
                'X-Shopify-Topic' => 'orders/paid', 'X-Shopify-Shop-Domain' => 'acme.myshopify.com', 'X-Shopify-Webhook-Id' => 'w1'];
            same([200, ''], $run($test, 'calls.php', 'shopify', $headers, $order));
            same('w1', $test->sent()['provider_event_id']);
            same([200, ''], $run($test, 'calls.php', 'shopify', $headers + ['X-Shopify-Event-Id' => 'e1'], $order));
            ['provider_event_id' => $id, 'internal_reference' => $reference, 'occurred_at' => $time] = $test->sent(2);
            same(['e1', 'gid://shopify/Order/820982911946154508', '2026-11-21T09:02:09-05:00'], [$id, $reference, $time]);
            same('success', $test->sent()['status']);
            same([401, ''], $run($test, 'calls.php', 'shopify', ['X-Shopify-Hmac-Sha256' => 'forged'] + $headers, $order));
        },
        'the repair endpoint reports its result' => function (Test $test) use ($run) {
            same([202, 'accepted'], $run($test, 'repair.php', '', ...signed()));
            same(['status' => 'success', 'event_id' => 'ev_1', 'replay_id' => 'rpl_1'], $test->sent());
            same([401, 'bad signature'], $run($test, 'repair.php', '', ...signed(secrets: [secret('o')])));
        },
    ];
}
