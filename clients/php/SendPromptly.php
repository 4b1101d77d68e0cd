<?php

// The sendpromptly client, one file to copy into your app. PHP 8.1 or newer with curl, no packages.
//
// receipt() and result() never throw and end within a second each, whatever the network does: your webhook handler
// goes on. Each call is written to a folder, the spool, before it is sent. What does not get through stays there
// until flush() sends it again: call that once a minute, from cron or a scheduler. Each call that gets through
// takes a few old ones along. What the server rejects, and what is a week old, is moved to rejected/ beside it
// and logged. PHP waits for its disk however long that takes, so the spool belongs on one that is in the machine.

namespace SendPromptly;

final class Client
{
    private const BUDGET = 0.9; // seconds for DNS, connect, TLS, headers and body: two calls have 2, with a margin
    private const PATIENCE = 10; // seconds for an attempt in flush()
    private const WORK = 3600; // seconds after which work that has not ended died with its process
    private const LEASE = 60; // seconds after which whoever was sending a call is gone
    private const DAY = 86400;
    private const MOST_PAYLOAD = 65536; // bytes
    private const MOST_ANSWER = 65536; // bytes
    private const MOST_FILES = 10000;
    private const LIMITS = ['error_code' => 200, 'error_message' => 2000]; // characters
    private const NUMBERS = ['occurred_at', 'timeout_minutes']; // the rest is text, ids too
    // The server's errors that are about the call itself, so that no later attempt fares better. Whatever else
    // comes (a wrong key, a proxy's page, an overload) can be put right, and the call is kept until it is.
    private const FINAL = ['validation_error', 'ambiguous_event', 'idempotency_conflict', 'payload_too_large',
        'too_many_fields'];
    // All that tells calls apart, as keys are made of it.
    private const PARTS = ['provider', 'event_id', 'provider_event_id', 'event_type', 'effect_type',
        'internal_reference', 'effect_key', 'shopify_shop_domain', 'status', 'replay_id'];
    // Reads a key's head back. What reads back whole is a key as it is; all else needs a hash behind it.
    private const HEAD = [
        'receipt' => '/^receipt-(?<provider_event_id>.+)-(?<event_type>[^-]+)-(?<effect_type>[^-]+)$/Du',
        'result' => '/^result-((?<event_id>ev_[^-]+)|(?<provider_event_id>(?!ev_).+?))(-(?<effect_type>[^-]+))?'
            . '-(?<status>success|failed|superseded)(-(?<replay_id>rpl_[^-]+))?$/Du',
    ];
    private const WHITE_SPACE = '[\p{Z}\t-\r\x{85}]+';
    // Providers send test events with one id for all (zeros, or a UUID of them); a new key makes each an event.
    private const TEST_ID = '/^(evt_)?(?=-*0)[0-]{8,}$/D';
    // A file "<time>-<random>.<due>" waits until it is due. With ".sending" behind, a process is at it
    // and has until then. Times are in microseconds; renaming decides which process sends it.
    private const FILE = '/^(?<id>(?<time>\d{16})-[0-9a-f]{8})\.(?<due>\d{16})(?<sending>\.sending)?$/D';
    private const JSON = JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_INVALID_UTF8_SUBSTITUTE
        | JSON_THROW_ON_ERROR;
    private const RAW_BODY = 'the raw body is needed, before any parser: pass $request->getContent() '
        . "(Laravel, Symfony) or file_get_contents('php://input')";

    private static array $resolving = [];
    private string $url;
    private string $key;
    private string $secret;
    private string $spool;
    private bool $isTemporary;
    private ?string $told = null; // what flush() has logged: a reason once, and not at every attempt

    // spool: a folder that outlives deployments, shared by the processes of one machine. Set it: under
    // systemd the web server can have a /tmp of its own, where cron finds nothing.
    // claim, extend, release: where several machines answer repairs, a table that they share, in Laravel
    //   fn ($name, $seconds) => Cache::add($name, 1, $seconds), fn ($name, $seconds) =>
    //   Cache::put($name, 1, $seconds) and fn ($name) => Cache::forget($name)
    public function __construct(
        ?string $url = null, ?string $key = null, ?string $secret = null, ?string $spool = null,
        private ?\Closure $log = null, private ?\Closure $claim = null, private ?\Closure $extend = null,
        private ?\Closure $release = null,
    ) {
        $this->url = rtrim(self::setting($url, 'URL') ?: 'https://sendpromptly.example.com', '/');
        $key = self::setting($key, 'KEY'); // sk_test_... or sk_live_...
        $this->key = preg_match('/^[!-~]+$/D', $key) ? $key : ''; // a header holds nothing else
        $this->secret = self::setting($secret, 'SECRET'); // whsec_..., for repairs
        $name = 'sendpromptly-spool-' . substr(hash('sha256', $this->key), 0, 8);
        $spool = self::setting($spool, 'SPOOL');
        $this->isTemporary = $spool === '';
        $this->spool = $spool ?: sys_get_temp_dir() . "/$name";
        $this->log ??= error_log(...);
        $this->claim ??= $this->claimFile(...);
        $this->extend ??= $this->extendFile(...);
        $this->release ??= $this->releaseFile(...);
    }

    /** You took a payment event, and an effect is due. Gives the response, or null if there is none. */
    public function receipt(array $fields): ?array
    {
        return $this->guard('receipt', fn () => $this->call('receipt', $fields));
    }

    /**
     * The effect is applied ('success'), is not ('failed'), or a newer event made it void ('superseded').
     * Name the event as in its receipt, or by event_id. A Throwable as 'error' fills code and message, a
     * text as 'error' is the error_message.
     */
    public function result(string $status, array $fields): ?array
    {
        return $this->guard('result', fn () => $this->call('result', ['status' => $status] + $fields));
    }

    /** Sends what waits, for so many seconds at most. Gives how many calls are left. */
    public function flush(float $seconds = 10): int
    {
        $this->guard('flush', fn () => $this->sendWaiting(self::clock() + $seconds, self::MOST_FILES, true));

        return count($this->waiting());
    }

    /**
     * Equal for equal calls, and different for different events, in all of the sendpromptly clients:
     * receipt-<event>-<event type>-<effect> or result-<event>-<effect>-<status>-<replay_id>, with a hash of all
     * the parts behind it where more than these tells the event apart.
     */
    public static function idempotencyKey(string $kind, array $fields): string
    {
        $part = fn (string $name) => self::text($fields[$name] ?? '');
        $parts = array_combine(self::PARTS, array_map($part, self::PARTS));
        if ($parts['provider_event_id'] === '' && $part('stripe_event_id') !== '') {
            $parts['provider_event_id'] = $part('stripe_event_id');
            $parts['provider'] = $parts['provider'] === '' ? 'stripe' : $parts['provider'];
        }
        $id = $kind === 'result' && $parts['event_id'] !== '' ? $parts['event_id'] : $parts['provider_event_id'];
        $shown = $kind === 'receipt'
            ? [$id, $parts['event_type'], $parts['effect_type']]
            : [$id, $parts['effect_type'], $parts['status'], $parts['replay_id']];
        $head = implode('-', [$kind, ...array_filter($shown, fn ($part) => $part !== '')]);
        preg_match(self::HEAD[$kind], $head, $read);
        $read += ['provider' => $kind === 'receipt' ? 'stripe' : ''];
        $isWhole = array_filter(self::PARTS, fn ($name) => ($read[$name] ?? '') !== $parts[$name]) === [];
        $hash = hash('sha256', implode(array_map(fn ($part) => strlen($part) . ":$part", $parts)));
        $key = $isWhole ? $head : "$head-" . substr($hash, 0, 32);

        return preg_match('/^[!-~]{1,200}$/D', $key) ? $key : "$kind-$hash";
    }

    /** The order of a repair callback, or null if it is not genuine. Headers: any array, or $_SERVER. */
    public function verify(iterable $headers, mixed $rawBody): ?array
    {
        return $this->check($headers, $rawBody)[1];
    }

    /**
     * Answers a repair callback with [status, text], does the work once per replay_id, and reports its
     * result. $work($order) may return 'superseded'. Under FPM the answer goes out before the work, in
     * other servers after it. A process can die in the middle, so doing the work twice must do no harm.
     */
    public function repair(iterable $headers, mixed $rawBody, callable $work): array
    {
        try {
            $this->key !== '' || throw new \LogicException('SENDPROMPTLY_KEY is not set');
            [$reason, $order, $nonce] = $this->check($headers, $rawBody);
            if ($order === null) {
                return [401, $reason];
            }
            if (!($this->claim)('nonce-' . hash('sha256', $nonce), 600)) {
                return [409, 'nonce seen before'];
            }
            if ($order['type'] !== 'reprocess') {
                return $order['type'] === 'probe' ? [200, 'probe'] : [422, 'unknown type'];
            }
            $once = 'replay-' . hash('sha256', $order['replay_id']);
            if (!($this->claim)($once, self::WORK)) {
                return [202, 'taken before'];
            }
            $this->work($order, $once, $work);

            return [202, 'accepted'];
        } catch (\Throwable $error) {
            $this->say("repair failed: {$error->getMessage()}");

            return [500, $error->getMessage()];
        }
    }

    private static function setting(?string $value, string $name): string
    {
        $name = "SENDPROMPTLY_$name";

        return trim($value ?? $_SERVER[$name] ?? $_ENV[$name] ?? (getenv($name) ?: ''));
    }

    private function guard(string $what, \Closure $do): mixed
    {
        try {
            return $do();
        } catch (\Throwable $error) {
            return $this->say("$what failed: " . $error::class . ": {$error->getMessage()}");
        }
    }

    private function say(string $line): mixed
    {
        try {
            ($this->log)('sendpromptly: ' . preg_replace('/\s+/', ' ', $line));
        } catch (\Throwable) { // a log that does not work is no reason to fail
        }

        return null;
    }

    private function call(string $kind, array $fields): ?array
    {
        $stop = self::clock() + self::BUDGET;
        if ($this->key === '') {
            return $this->say("$kind not sent: SENDPROMPTLY_KEY is not set");
        }
        $body = $this->clean($kind, $fields);
        $isTest = preg_match(self::TEST_ID, $body['provider_event_id'] ?? $body['stripe_event_id'] ?? '');
        $key = self::idempotencyKey($kind, $body) . ($isTest ? '-' . bin2hex(random_bytes(4)) : '');
        $text = "$kind\n$key\n" . $this->encode($body);
        $file = $this->keep($key, $text);
        $outcome = [$answer, $why, $isRejected] = $this->deliver($text, $stop - self::clock());
        if ($answer === null) {
            $next = $file === null ? 'is lost' : 'is sent again';
            $this->say($isRejected ? "$key was rejected: $why" : "$key did not get through, it $next: $why");
        }
        $file === null || $this->settle($file, $outcome);
        if ($answer !== null) {
            $this->guard('spool', fn () => $this->sendWaiting($stop, 3, false));
        }

        return $answer;
    }

    private function clean(string $kind, array $fields): array
    {
        $error = $fields['error'] ?? null;
        if ($error instanceof \Throwable) { // the name of an anonymous class has NUL and a path behind it
            $fields += ['error_code' => strtok($error::class, "\0"), 'error_message' => $error->getMessage()];
        }
        $fields += ['error_message' => $error];
        unset($fields['error'], $fields[$kind === 'result' ? 'payload' : '']);
        foreach ($fields as $name => $value) {
            $fields[$name] = match ($name) {
                'payload' => $value,
                'amount' => $this->amount($value),
                default => $this->value($name, $value),
            };
        }

        return array_filter($fields, fn ($value) => $value !== null && $value !== '');
    }

    /** What is sent of an amount of money. One that is not exact costs its field, and never the call. */
    private function amount(mixed $given): ?array
    {
        if ($given === null) {
            return null;
        }
        ['value' => $value, 'currency' => $currency] = (is_array($given) ? $given : []) + ['value' => null, 'currency' => null];
        $currency = is_string($currency) ? strtoupper(trim($currency)) : '';
        if (is_int($value) && preg_match('/^[A-Z]{3}$/D', $currency)) {
            return ['value' => $value, 'currency' => $currency];
        }

        return $this->say("amount left out: it takes whole minor units, as in ['value' => 4900, 'currency' => 'USD']");
    }

    /** What is sent of a value. One that has no text costs at most its field, and never the call. */
    private function value(string $name, mixed $value): int|float|string|null
    {
        $isError = isset(self::LIMITS[$name]);
        $isNumber = in_array($name, self::NUMBERS, true);
        if ($isNumber && (is_int($value) || (is_float($value) && is_finite($value)))) {
            return $value;
        }
        // Sent as a number it would be rejected, and the event not watched at all.
        if (!$isError && !$isNumber && is_float($value) && abs($value) >= 2 ** 53) {
            $this->say("$name is a float, which has lost digits of the id: give a text; json_decode() makes texts of "
                . 'such numbers with JSON_BIGINT_AS_STRING');
        }
        try {
            $value = $isError && is_array($value) ? json_encode($value, self::JSON) : $value;

            return self::text($value, self::LIMITS[$name] ?? 0);
        } catch (\Throwable) {
            $type = get_debug_type($value);

            return $isError ? $type : $this->say("$name left out: its value ($type) has no text");
        }
    }

    private static function text(mixed $value, int $limit = 0): string
    {
        is_array($value) && throw new \InvalidArgumentException('an array has no text');
        $value = $value instanceof \DateTimeInterface ? $value->format(DATE_RFC3339) : $value;
        $value = $value instanceof \BackedEnum ? $value->value : $value;
        $value = $value instanceof \UnitEnum ? $value->name : $value;
        $value = is_float($value) && floor($value) === $value ? sprintf('%.0F', $value) : $value; // not 1.0E+15
        $text = json_decode(json_encode((string) $value, self::JSON)); // mb_scrub would write "?"
        $text = preg_replace('/(?![\n\t])\p{Cc}/u', '', $text);

        if ($limit === 0) { // ids are compared without white space around them
            return preg_replace('/^' . self::WHITE_SPACE . '|' . self::WHITE_SPACE . '$/Du', '', $text);
        }

        return preg_match("/^.{{$limit}}/su", $text, $start) ? $start[0] : $text;
    }

    private function encode(array $body): string
    {
        $payload = $body['payload'] ?? null;
        unset($body['payload']);
        $json = json_encode($body, self::JSON);
        try {
            $extra = json_encode($payload, self::JSON);
        } catch (\Throwable $error) {
            return $this->say("payload left out: {$error->getMessage()}") ?? $json;
        }
        if (strlen($extra) > self::MOST_PAYLOAD) {
            $this->say('payload left out: its JSON is longer than ' . self::MOST_PAYLOAD . ' bytes');
        } elseif ($payload !== null) {
            return substr($json, 0, -1) . ",\"payload\":$extra}";
        }

        return $json;
    }

    /** The file of a call that is in the spool now, or null if it could not be written, which is logged. */
    private function keep(string $key, string $text): ?string
    {
        $file = $this->path(self::now() . '-' . bin2hex(random_bytes(4)), self::LEASE, '.sending');
        $why = 'it could not be written';
        // The last warning is the cause. A handler of the app's would have it, or throw.
        set_error_handler(function (int $level, string $message) use (&$why) {
            $why = $message;

            return true;
        });
        try {
            $isWritten = $this->write($file, $text);
        } catch (\RuntimeException $error) {
            [$isWritten, $why] = [false, $error->getMessage()];
        } finally {
            restore_error_handler();
        }
        if ($isWritten) {
            return $file;
        }
        @unlink("$file.tmp");

        return $this->say("$key is not kept in $this->spool: $why");
    }

    /** Flushes it under another name first: half a call is never sent. */
    private function write(string $file, string $text): bool
    {
        if (!is_dir($this->spool) && !mkdir($this->spool, 0700, true) && !is_dir($this->spool)) {
            return false;
        }
        if (count($this->waiting()) >= self::MOST_FILES) {
            throw new \RuntimeException(self::MOST_FILES . ' calls wait');
        }
        $io = fopen("$file.tmp", 'x');
        // Anyone can make a folder of this name in the system's temporary one.
        if ($io && $this->isTemporary && fileowner("$file.tmp") !== lstat($this->spool)['uid']) {
            throw new \RuntimeException("the folder is another user's");
        }

        return $io && chmod("$file.tmp", 0600) && fwrite($io, $text) === strlen($text) && fsync($io) && fclose($io)
            && rename("$file.tmp", $file);
    }

    /** Sends a call once: [answer, why there is none, whether it was rejected, seconds to wait]. */
    private function deliver(string $text, float $seconds): array
    {
        [$kind, $key, $body] = explode("\n", $text, 3);
        [$wait, $answer] = [0, ''];
        $curl = curl_init("$this->url/api/v1/$kind");
        curl_setopt_array($curl, [
            CURLOPT_POSTFIELDS => $body,
            CURLOPT_HTTPHEADER => ["Authorization: Bearer $this->key", "Idempotency-Key: $key",
                'Content-Type: application/json', 'Expect:'],
            CURLOPT_HEADERFUNCTION => function ($curl, string $line) use (&$wait) {
                $wait = preg_match('/^retry-after: *(\d+)/i', $line, $found) ? (int) $found[1] : $wait;

                return strlen($line);
            },
            CURLOPT_WRITEFUNCTION => function ($curl, string $part) use (&$answer) {
                $answer .= $part;

                return strlen($answer) > self::MOST_ANSWER ? 0 : strlen($part); // 0 ends it
            },
            CURLOPT_PROXY => '',
            CURLOPT_NOSIGNAL => true,
        ]);
        $curls = curl_multi_init();
        curl_multi_add_handle($curls, $curl);
        $stop = self::clock() + $seconds;
        do {
            curl_multi_exec($curls, $running);
            $left = $stop - self::clock();
        } while ($running && $left > 0 && curl_multi_select($curls, min($left, 0.1)) >= -1);
        // A DNS lookup cannot be interrupted: curl's own time-out would wait for its end, as closing it does.
        self::$resolving[] = [$curls, $curl];
        self::$resolving = array_filter(self::$resolving, function ($one) {
            curl_multi_exec($one[0], $running);

            return $running && !curl_getinfo($one[1], CURLINFO_NAMELOOKUP_TIME);
        });
        if (self::$resolving && function_exists('fastcgi_finish_request')) {
            register_shutdown_function(fastcgi_finish_request(...)); // PHP closes it, and must not delay the response
        }
        if ($running) {
            return [null, 'no response in time', false, 0];
        }
        if (strlen($answer) > self::MOST_ANSWER) {
            return [null, 'a response of over ' . self::MOST_ANSWER . ' bytes', false, 0];
        }
        if ($failure = curl_multi_info_read($curls)['result']) {
            return [null, curl_strerror($failure), false, 0];
        }

        return [...self::judge(curl_getinfo($curl, CURLINFO_RESPONSE_CODE), $answer, $body), $wait];
    }

    /** What a response means: [answer, why it is none, whether it is a rejection]. $body is the call's. */
    private static function judge(int $status, string $text, string $body): array
    {
        $answer = self::object($text);
        if ($status >= 200 && $status < 300 && ($answer['accepted'] ?? false) === true) {
            return [$answer, '', false];
        }
        // Whoever answered, it may have another shape.
        $texts = fn (mixed $from, string ...$names) => array_map(
            fn ($name) => is_array($from) && is_string($from[$name] ?? null) ? $from[$name] : '',
            $names,
        );
        [$code, $message] = $texts($answer['error'] ?? null, 'code', 'message');
        $fields = is_array($answer['error']['fields'] ?? null) ? $answer['error']['fields'] : [];
        $fields = array_map(fn ($one) => implode(': ', $texts($one, 'field', 'message')), $fields);
        $namesUnknownEvent = $code === 'not_found' && isset(self::object($body)['event_id']);
        $isRejected = $status >= 400 && $status < 500 && ($namesUnknownEvent || in_array($code, self::FINAL, true));
        $cure = match ($code) {
            '' => "not a response of sendpromptly's, check SENDPROMPTLY_URL and the proxies",
            'unauthorized' => 'check SENDPROMPTLY_KEY',
            'not_found' => $isRejected ? '' : 'check SENDPROMPTLY_URL',
            default => '',
        };

        return [null, implode(', ', array_filter([$status, $code, $message, ...array_values($fields), $cure])), $isRejected];
    }

    /** The JSON object of a text, or null if it is none. */
    private static function object(string $text): ?array
    {
        return json_decode($text) instanceof \stdClass ? json_decode($text, true) : null;
    }

    /** Removes the file of a call that got through, sets aside a rejected one, and has others wait. */
    private function settle(string $file, array $outcome): void
    {
        [$answer, , $isRejected, $wait] = $outcome;
        match (true) {
            $answer !== null => @unlink($file),
            $isRejected => $this->setAside($file),
            default => $this->putBack($file, $wait),
        };
    }

    /** Waits as long again as the call has waited already: 1 s, doubling to 60 s. */
    private function putBack(string $file, int $wait): void
    {
        preg_match(self::FILE, basename($file), $name);
        $delay = (self::now() - $name['time']) / 1e6 * random_int(75, 125) / 100;
        @rename($file, $this->path($name['id'], min(60, max(1, $delay, $wait))));
    }

    /** Keeps what is not sent any more: the newest 10,000 of the last 30 days. Moved back, a file is sent. */
    private function setAside(string $file): void
    {
        $folder = "$this->spool/rejected";
        is_dir($folder) || @mkdir($folder, 0700);
        @rename($file, "$folder/" . basename($file, '.sending'));
        $names = array_slice(scandir($folder) ?: [], 2);
        $since = (string) (self::now() - 30 * self::DAY * 1_000_000);
        $isOld = fn ($name, $at) => $at < count($names) - self::MOST_FILES || $name < $since;
        $old = array_filter($names, $isOld, ARRAY_FILTER_USE_BOTH);
        foreach ($old as $name) {
            @unlink("$folder/$name");
        }
        if ($old !== []) {
            $this->say("removed from $folder: " . count($old) . ' that are old, ' . reset($old) . ' first');
        }
    }

    /**
     * What has waited longest comes first: a result does not overtake its receipt, and what fails again and
     * again does not hold up the rest.
     */
    private function waiting(): array
    {
        $names = @scandir($this->spool) ?: [];
        foreach (preg_grep('/^\d{16}-\w+\.\d{16}\.sending\.tmp$/D', $names) as $half) {
            // Half a call: its process died while writing it.
            substr($half, 26, 16) > self::now() || @unlink("$this->spool/$half");
        }
        $waiting = preg_grep(self::FILE, $names);
        usort($waiting, fn ($one, $other) => substr($one, 26) <=> substr($other, 26));

        return $waiting;
    }

    private function sendWaiting(float $stop, int $most, bool $isAll): void
    {
        $failures = 0;
        foreach ($this->waiting() as $file) {
            preg_match(self::FILE, $file, $name);
            if ($name['due'] > self::now() && (isset($name['sending']) || !$isAll)) {
                continue;
            }
            if (self::clock() >= $stop || $most-- === 0) {
                return;
            }
            $leased = $this->path($name['id'], self::LEASE, '.sending');
            if (!@rename("$this->spool/$file", $leased)) {
                continue; // another process was faster
            }
            $text = (string) file_get_contents($leased);
            $isWhole = preg_match("/^(receipt|result)\n([!-~]+)\n\{/", $text, $found);
            if (!$isWhole || self::now() - $name['time'] > 7 * self::DAY * 1e6) { // the server forgets keys by then
                $why = $isWhole ? 'it is 7 days old' : 'the file is damaged';
                $this->say(($found[2] ?? $file) . " was set aside: $why");
                $this->setAside($leased);
                continue;
            }
            $outcome = $this->deliver($text, min(self::PATIENCE, $stop - self::clock()));
            [$answer, $why, $isRejected, $wait] = $outcome;
            if ($isRejected) {
                $this->say("$found[2] was rejected: $why");
            } elseif ($answer === null && $why !== $this->told) {
                $this->say("$found[2] did not get through, it is sent again: $why");
            }
            $this->told = $isRejected ? $this->told : $why;
            $this->settle($leased, $outcome);
            // The server seems to be away.
            if ($answer === null && !$isRejected && ($wait > 0 || ++$failures === 3)) {
                return;
            }
        }
    }

    private function path(string $id, float $seconds, string $suffix = ''): string
    {
        return sprintf('%s/%s.%d%s', $this->spool, $id, self::now() + $seconds * 1e6, $suffix);
    }

    private static function now(): int
    {
        return (int) (microtime(true) * 1e6);
    }

    private static function clock(): float
    {
        return hrtime(true) / 1e9;
    }

    /** The reason for a refusal, or else the order and its nonce. */
    private function check(iterable $headers, mixed $rawBody): array
    {
        is_string($rawBody) || throw new \InvalidArgumentException(self::RAW_BODY);
        $secret = base64_decode(preg_replace('/^whsec_/', '', $this->secret));
        // Anyone can sign with an empty key.
        $secret !== '' || throw new \LogicException('SENDPROMPTLY_SECRET is not set');
        $given = [];
        foreach ($headers as $name => $value) {
            $given[preg_replace('/^http-/', '', strtr(strtolower($name), '_', '-'))] = implode(',', (array) $value);
        }
        [$timestamp, $nonce, $signatures] = array_map(
            fn ($name) => $given["x-sp-$name"] ?? '',
            ['timestamp', 'nonce', 'signature'],
        );
        if (!preg_match('/^\d{1,12}$/D', $timestamp)) {
            return ['no timestamp', null, ''];
        }
        if (abs(time() - (int) $timestamp) > 300) {
            return ['stale timestamp', null, ''];
        }
        if ($nonce === '' || str_contains($nonce, '.')) {
            return ['bad nonce', null, ''];
        }
        $wanted = 'v1=' . hash_hmac('sha256', "$timestamp.$nonce.$rawBody", $secret);
        foreach (explode(',', $signatures) as $signature) { // several while a secret is being rotated
            if (hash_equals($wanted, trim($signature))) {
                return ['no order', self::object($rawBody), $nonce];
            }
        }

        return ['bad signature', null, ''];
    }

    private function work(array $order, string $once, callable $work): void
    {
        $isReported = false;
        $report = function (string $status, mixed $error = null) use ($order, $once, &$isReported) {
            $isReported = true;
            $this->guard('repair', fn () => $status === 'failed'
                ? ($this->release)($once) // the next attempt works again
                : ($this->extend)($once, 30 * self::DAY)); // done: later attempts change nothing
            $event = ['event_id' => $order['event_id'], 'replay_id' => $order['replay_id']];
            $this->result($status, $event + ['error' => $error]);
        };
        // exit() and fatal errors, such as a time limit that is reached, are no exceptions. Where the memory
        // is used up, the reserve is what the report is made of.
        $reserve = str_repeat(' ', 1 << 20);
        register_shutdown_function(function () use ($report, &$isReported, &$reserve) {
            $reserve = null;
            $isFatal = (error_get_last()['type'] ?? 0) === E_ERROR;
            $isReported || $report('failed', $isFatal ? error_get_last()['message'] : 'exit() was called');
        });
        ignore_user_abort(true);
        if (function_exists('fastcgi_finish_request')) {
            http_response_code(202);
            echo 'accepted';
            fastcgi_finish_request();
        }
        try {
            $outcome = $work($order);
            $report($outcome === 'superseded' ? $outcome : 'success');
        } catch (\Throwable $error) {
            $report('failed', $error);
        }
    }

    /** What was seen is a file that only one process can make. Its time is when it can be forgotten. */
    private function claimFile(string $name, int $seconds): bool
    {
        $folder = "$this->spool/seen";
        is_dir($folder) || @mkdir($folder, 0700, true);
        foreach (glob("$folder/*") as $old) {
            @filemtime($old) + self::LEASE > time() || @unlink($old);
        }
        $isFirst = @fopen("$folder/$name", 'x') && $this->extendFile($name, $seconds);
        $isFirst || file_exists("$folder/$name") || throw new \RuntimeException("$folder cannot be written");

        return $isFirst;
    }

    private function extendFile(string $name, int $seconds): bool
    {
        return touch("$this->spool/seen/$name", time() + $seconds);
    }

    private function releaseFile(string $name): void
    {
        @unlink("$this->spool/seen/$name");
    }
}
