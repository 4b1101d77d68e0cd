<?php

// The sendpromptly client, one file to copy into your app. PHP 8.1 or newer with curl, no packages.
//
// receipt() and result() never throw and end within 2 seconds: your webhook handler goes on whatever
// happens here. Each call is written to a folder, the spool, before it is sent. What does not get
// through stays there until flush() sends it again: call that once a minute, from cron or a scheduler.
// Each call that gets through takes a few old ones along.

namespace SendPromptly;

final class Client
{
    private const BUDGET = 1.9; // seconds for DNS, connect, TLS, headers and body together, with a margin to 2
    private const PATIENCE = 10; // seconds for an attempt in flush()
    private const WORK = 3600; // seconds after which work that has not ended died with its process
    private const LEASE = 60; // seconds after which whoever was sending a call is gone
    private const DAY = 86400;
    private const MOST_PAYLOAD = 65536; // bytes
    private const MOST_FILES = 10000;
    private const MOST_REJECTED = 100;
    private const LIMITS = ['error_code' => 200, 'error_message' => 2000]; // characters
    private const TAIL = ['internal_reference', 'effect_key', 'shopify_shop_domain'];
    private const KEY_PARTS = [
        'receipt' => ['provider_event_id', 'event_type', 'effect_type', ...self::TAIL],
        'result' => ['event', 'effect_type', 'status', 'replay_id', ...self::TAIL, 'event_type'],
    ];
    // Providers send test events with one id for all; a new key makes each of them an event.
    private const TEST_ID = '/^(evt_0+|[0-]{36})$/D';
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
        $this->spool = self::setting($spool, 'SPOOL') ?: sys_get_temp_dir() . "/$name";
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
     * Name the event as in its receipt, or by event_id. A Throwable as 'error' fills code and message.
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

    /** The same in every language: the parts, or their hash where a header could not hold them. */
    public static function idempotencyKey(string $kind, array $fields): string
    {
        $fields['event'] = self::text($fields['event_id'] ?? '') ?: ($fields['provider_event_id'] ?? '');
        $parts = array_map(fn ($name) => self::text($fields[$name] ?? ''), self::KEY_PARTS[$kind]);
        $parts = array_filter($parts, fn ($part) => $part !== '');
        $key = implode('-', [$kind, ...$parts]);
        $lengths = implode(array_map(fn ($part) => strlen($part) . ":$part", $parts));

        return preg_match('/^[!-~]{1,200}$/D', $key) ? $key : "$kind-" . hash('sha256', $lengths);
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
        $body = self::clean($kind, $fields);
        $isTest = preg_match(self::TEST_ID, $body['provider_event_id'] ?? '');
        $key = self::idempotencyKey($kind, $body) . ($isTest ? '-' . bin2hex(random_bytes(4)) : '');
        $text = "$kind\n$key\n" . $this->encode($body);
        $file = $this->keep($key, $text);
        $answer = $this->settle($key, $file, $this->deliver($text, $stop - self::clock()));
        if ($answer !== null) {
            $this->guard('spool', fn () => $this->sendWaiting($stop, 3, false));
        }

        return $answer;
    }

    private static function clean(string $kind, array $fields): array
    {
        $error = $fields['error'] ?? null;
        if ($error instanceof \Throwable) { // the name of an anonymous class has NUL and a path behind it
            $fields += ['error_code' => strtok($error::class, "\0"), 'error_message' => $error->getMessage()];
        }
        $fields += ['error_message' => $error];
        unset($fields['error'], $fields[$kind === 'result' ? 'payload' : '']);
        $fields = array_filter($fields, fn ($value) => $value !== null);
        foreach ($fields as $name => $value) {
            // Unix seconds and minutes are numbers; the rest is text, ids too.
            $isNumber = is_int($value) && in_array($name, ['occurred_at', 'timeout_minutes'], true);
            $fields[$name] = $isNumber || $name === 'payload' ? $value : self::text($value, self::LIMITS[$name] ?? 0);
        }

        return $fields;
    }

    private static function text(mixed $value, int $limit = 0): string
    {
        $value = $value instanceof \DateTimeInterface ? $value->format(DATE_RFC3339) : $value;
        $value = $value instanceof \BackedEnum ? $value->value : $value;
        $text = json_decode(json_encode((string) $value, self::JSON)); // mb_scrub would write "?"
        $text = preg_replace('/(?![\n\t])\p{Cc}/u', '', $text);

        return $limit && preg_match("/^.{{$limit}}/su", $text, $start) ? $start[0] : $text;
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

    /** Writes a call to the spool, flushed under another name first: half a call is never sent. */
    private function keep(string $key, string $text): ?string
    {
        is_dir($this->spool) || @mkdir($this->spool, 0700, true);
        $file = $this->path(self::now() . '-' . bin2hex(random_bytes(4)), self::LEASE, '.sending');
        $isFull = count($this->waiting()) >= self::MOST_FILES;
        $io = $isFull ? false : @fopen("$file.tmp", 'x');
        @chmod("$file.tmp", 0600);
        $isWritten = $io && @fwrite($io, $text) === strlen($text) && @fsync($io) && @fclose($io);
        if ($isWritten && @rename("$file.tmp", $file)) {
            return $file;
        }
        @unlink("$file.tmp");
        $why = $isFull ? self::MOST_FILES . ' calls wait' : error_get_last()['message'] ?? 'not written';

        return $this->say("$key is not kept in $this->spool: $why");
    }

    /** Sends a call once: [answer, why there is none, whether it was rejected, seconds to wait]. */
    private function deliver(string $text, float $seconds): array
    {
        [$kind, $key, $body] = explode("\n", $text, 3) + ['', '', ''];
        $wait = 0;
        $curl = curl_init("$this->url/api/v1/$kind");
        curl_setopt_array($curl, [
            CURLOPT_POSTFIELDS => $body,
            CURLOPT_HTTPHEADER => ["Authorization: Bearer $this->key", "Idempotency-Key: $key",
                'Content-Type: application/json', 'Expect:'],
            CURLOPT_HEADERFUNCTION => function ($curl, string $line) use (&$wait) {
                $wait = preg_match('/^retry-after: *(\d+)/i', $line, $found) ? (int) $found[1] : $wait;

                return strlen($line);
            },
            CURLOPT_RETURNTRANSFER => true,
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
        if ($failure = curl_multi_info_read($curls)['result']) {
            return [null, curl_strerror($failure), false, 0];
        }

        return self::judge(curl_getinfo($curl, CURLINFO_RESPONSE_CODE), curl_multi_getcontent($curl), $wait);
    }

    private static function judge(int $status, string $body, int $wait): array
    {
        $answer = json_decode($body, true);
        if (is_array($answer) && $status >= 200 && $status < 300) {
            return [$answer, '', false, 0];
        }
        $error = (array) ($answer['error'] ?? []);
        $code = $error['code'] ?? '';
        $fields = array_map(fn ($one) => "{$one['field']}: {$one['message']}", $error['fields'] ?? []);
        $isLater = in_array($status, [408, 425, 429], true) || $code === 'idempotency_in_progress';
        $why = implode(', ', array_filter([$status, $code, $error['message'] ?? '', ...$fields]));

        return [null, $why, $status >= 400 && $status < 500 && !$isLater, $wait];
    }

    private function settle(string $key, ?string $file, array $outcome): ?array
    {
        [$answer, $why, $isRejected, $wait] = $outcome;
        if ($answer === null) {
            $next = $file === null ? 'is lost' : 'is sent again';
            $this->say($isRejected ? "$key was rejected: $why" : "$key did not get through, it $next: $why");
        }
        if ($file !== null) {
            match (true) {
                $answer !== null => @unlink($file),
                $isRejected => $this->setAside($file),
                default => $this->putBack($file, $wait),
            };
        }

        return $answer;
    }

    /** Waits as long again as the call has waited already: 1 s, doubling to 60 s. */
    private function putBack(string $file, int $wait): void
    {
        preg_match(self::FILE, basename($file), $name);
        $delay = (self::now() - $name['time']) / 1e6 * random_int(75, 125) / 100;
        @rename($file, $this->path($name['id'], min(60, max(1, $delay, $wait))));
    }

    private function setAside(string $file): void
    {
        $folder = "$this->spool/rejected";
        is_dir($folder) || @mkdir($folder, 0700);
        @rename($file, "$folder/" . basename($file, '.sending'));
        foreach (array_slice(glob("$folder/*"), 0, -self::MOST_REJECTED) as $old) {
            @unlink($old);
        }
    }

    /** Oldest first, so that a result does not overtake its receipt. */
    private function waiting(): array
    {
        return preg_grep(self::FILE, @scandir($this->spool) ?: []);
    }

    private function sendWaiting(float $stop, int $most, bool $isAll): void
    {
        $failures = 0;
        foreach ($this->waiting() as $file) {
            preg_match(self::FILE, $file, $name);
            if (self::now() - $name['time'] > 7 * self::DAY * 1e6) { // the server forgets keys by then
                $this->say("$file was dropped: it is 7 days old");
                @unlink("$this->spool/$file");
                continue;
            }
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
            $text = file_get_contents($leased);
            $outcome = $this->deliver($text, min(self::PATIENCE, $stop - self::clock()));
            $this->settle(explode("\n", $text)[1] ?? $file, $leased, $outcome);
            [$answer, , $isRejected, $wait] = $outcome;
            // One call that never gets through must not hold up the others.
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
                return ['', json_decode($rawBody, true), $nonce];
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
