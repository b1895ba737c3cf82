import Testing

/// A configuration with faults of one kind, and the lines that tell of them.
struct BadConfiguration: CustomTestStringConvertible, Sendable {
  var name: String
  var yaml: String
  var lines: [String]
  var testDescription: String { name }

  init(_ name: String, _ yaml: String, _ lines: String...) {
    self.name = name
    self.yaml = yaml
    self.lines = lines
  }
}

extension BadConfiguration {
  private typealias Bad = BadConfiguration
  private typealias Sample = ConfigurationSample

  static let all = documents + keys + values + secrets

  private static let proxyForm =
    "expected none, or a URL such as http://proxy.example.com:3128 as a text, {file: PATH}, {env: NAME} or {credential: NAME}"

  private static let documents: [BadConfiguration] = [
    Bad(
      "empty", "", "c.yaml:1:1: accounts is missing, expected a list of mappings",
      "c.yaml:1:1: destinations is missing, expected a list of mappings"),
    Bad(
      "only comments", "# nothing\n", "c.yaml:1:1: accounts is missing, expected a list of mappings",
      "c.yaml:1:1: destinations is missing, expected a list of mappings"),
    Bad(
      "a list", "- 1",
      "c.yaml:1:1: the configuration is a list, expected a mapping of stateDirectory, log, admin, outbox, accounts, destinations"
    ),
    Bad(
      "a tab", "accounts:\n\t- idInstance: 1",
      "c.yaml:2:1: no valid YAML: while scanning for the next token, found character that cannot start any token, expected spaces: YAML is not indented with tabs"
    ),
    Bad(
      "an open quote", "log: 'x",
      "c.yaml:1:8: no valid YAML: while scanning a quoted scalar, found unexpected end of stream"),
    Bad(
      "an open bracket", "log: [x",
      "c.yaml:2:1: no valid YAML: while parsing a flow sequence, did not find expected ',' or ']'"),
    Bad(
      "a reserved character", "admin: {token: @secret}",
      "c.yaml:1:16: no valid YAML: while scanning for the next token, found character that cannot start any token, expected quotes around a value that begins with @"
    ),
    Bad(
      "a control character", "log:\n  level: a\u{7}b",
      "c.yaml:2:11: the character U+0007 is not allowed in YAML, expected an escape in double quotes"),
    Bad(
      "two documents", Sample.good + "---\n" + Sample.good,
      "c.yaml:7:1: a second document begins, expected one (remove the line '---' or '...')"),
    Bad(
      "duplicate keys",
      Sample.with(
        top: "log: {level: info}\nlog: {level: debug, 'level': info}\n\"log\": {}\n", account: "wid: a\nwid: b"),
      "c.yaml:5:5: the key 'wid' is given twice, first in line 4, expected it once",
      "c.yaml:10:1: the key 'log' is given twice, first in line 9, expected it once",
      "c.yaml:10:21: the key 'level' is given twice, first in line 10, expected it once",
      "c.yaml:11:1: the key 'log' is given twice, first in line 9, expected it once"),
    Bad(
      "an alias without an anchor", Sample.with(destination: "webhookUrlToken: *s3cret"),
      "c.yaml:7:22: an alias (*…) has no anchor (&…) of its name before it, expected quotes around a value that begins with *"
    ),
    Bad(
      "a tag", Sample.with(destination: "webhookUrlToken: !s3cret x"),
      "c.yaml:7:22: a tag (!…) means nothing here, expected a value without one (quotes around it if it begins with !; {env: NAME} or {file: PATH} for a secret)"
    ),
    Bad(
      "a merge key", Sample.with(top: "log: {<<: {level: info}}"),
      "c.yaml:7:7: merge keys ('<<') are not read, expected the keys themselves or an alias for a whole value"),
    Bad(
      "a key that is a list", Sample.with(top: "[a, b]: 1"),
      "c.yaml:7:1: a key is a list or a mapping, expected a single word"),
    Bad(
      "a key that is an alias", Sample.with(top: "log: &x {level: info}\n*x : 1"),
      "c.yaml:8:1: a key is an alias (*…), expected a single word"),
    Bad(
      "deep nesting", "log: " + String(repeating: "[", count: 100) + String(repeating: "]", count: 100),
      "c.yaml:1:1: accounts is missing, expected a list of mappings",
      "c.yaml:1:1: destinations is missing, expected a list of mappings",
      "c.yaml:1:6: 'log' is a list, expected a mapping of level, format",
      "c.yaml:1:70: lists and mappings are nested more than 64 deep"),
    Bad(
      "bottomless nesting", "log: " + String(repeating: "[", count: 100_000),
      "c.yaml:1:7: lists and mappings are nested too deep to be read"),
  ]

  private static let keys: [BadConfiguration] = [
    Bad(
      "an unknown key", Sample.with(account: "poll: {intervall: 5s}"),
      "c.yaml:4:12: unknown key 'intervall' in 'accounts[].poll', expected interval, idleInterval, window or retention, did you mean 'interval'?"
    ),
    Bad(
      "another case", Sample.with(account: "api_url: https://a.b", destination: "webhookurltoken: a"),
      "c.yaml:4:5: unknown key 'api_url' in an entry of 'accounts', expected idInstance, apiUrl, apiTokenInstance, wid, typeInstance, startFrom, fillGaps or poll, did you mean 'apiUrl'?",
      "c.yaml:8:5: unknown key 'webhookurltoken' in an entry of 'destinations', expected name, url, webhookUrlToken, accounts, statuses, filter, headers, signingSecret, timeout, maxConcurrency, rateLimit, ordering, retry, tls or proxy, did you mean 'webhookUrlToken'?"
    ),
    Bad(
      "a word that ends it", Sample.with(destination: "secret: a\ntoken: b\ncafile: c"),
      "c.yaml:7:5: unknown key 'secret' in an entry of 'destinations', expected name, url, webhookUrlToken, accounts, statuses, filter, headers, signingSecret, timeout, maxConcurrency, rateLimit, ordering, retry, tls or proxy, did you mean 'signingSecret'?",
      "c.yaml:8:5: unknown key 'token' in an entry of 'destinations', expected name, url, webhookUrlToken, accounts, statuses, filter, headers, signingSecret, timeout, maxConcurrency, rateLimit, ordering, retry, tls or proxy, did you mean 'webhookUrlToken'?",
      "c.yaml:9:5: the key 'cafile' does not belong in an entry of 'destinations', expected it in 'destinations[].tls'"),
    Bad(
      "the wrong section",
      Sample.with(
        top: "interval: 5s", account: "interval: 5s\nlevel: info", destination: "schedule: [5s]\naccounts: [1101000001]"
      ), "c.yaml:4:5: the key 'interval' does not belong in an entry of 'accounts', expected it in 'accounts[].poll'",
      "c.yaml:5:5: the key 'level' does not belong in an entry of 'accounts', expected it in 'log'",
      "c.yaml:9:5: the key 'schedule' does not belong in an entry of 'destinations', expected it in 'destinations[].retry'",
      "c.yaml:11:1: the key 'interval' does not belong in the configuration, expected it in 'accounts[].poll'"),
    Bad(
      "a key like no other", Sample.with(top: "zzzzzz: 1"),
      "c.yaml:7:1: unknown key 'zzzzzz' in the configuration, expected stateDirectory, log, admin, outbox, accounts or destinations"
    ),
    Bad(
      "a long key with control characters", Sample.with(top: "\"a\\e[31m\(String(repeating: "x", count: 100))\": 1"),
      "c.yaml:7:1: unknown key '…' in the configuration, expected stateDirectory, log, admin, outbox, accounts or destinations"
    ),
    // Kinds
    Bad(
      "kinds", Sample.with(top: "log: text\nadmin: [1]\noutbox: {synchronous: {}, history: 5}\nstateDirectory: [a]"),
      "c.yaml:7:6: 'log' is a single value, expected a mapping of level, format",
      "c.yaml:8:8: 'admin' is a list, expected a mapping of listen, token",
      "c.yaml:9:23: synchronous is a mapping, expected full or normal",
      "c.yaml:9:36: 'outbox.history' is a single value, expected a mapping of maximumAge, maximumCount",
      "c.yaml:10:17: stateDirectory is a list, expected a path"),
    Bad(
      "no values", Sample.with(top: "stateDirectory:\nlog: {level: ~}", account: "wid: ''"),
      "c.yaml:4:10: wid is empty, expected a text such as 79991234567@c.us",
      "c.yaml:8:1: stateDirectory has no value, expected a path (or the key left out)",
      "c.yaml:9:14: level has no value, expected trace, debug, info, notice, warning, error or critical (or the key left out)"
    ),
    Bad(
      "no lists", "accounts: {idInstance: 1}\ndestinations: crm",
      "c.yaml:1:11: accounts is a mapping, expected a list of mappings",
      "c.yaml:2:15: destinations is a single value, expected a list of mappings"),
    Bad(
      "nothing to do", "accounts: []\n", "c.yaml:1:1: destinations is missing, expected a list of mappings",
      "c.yaml:1:11: accounts is an empty list, expected a list of mappings with at least one of them"),
    Bad(
      "entries that are no mappings", "accounts: [1101000001]\ndestinations: [https://a.b/c]",
      "c.yaml:1:12: an entry of 'accounts' is a single value, expected a mapping of idInstance, apiUrl, apiTokenInstance, wid, typeInstance, startFrom, fillGaps, poll",
      "c.yaml:2:16: an entry of 'destinations' is a single value, expected a mapping of name, url, webhookUrlToken, accounts, statuses, filter, headers, signingSecret, timeout, maxConcurrency, rateLimit, ordering, retry, tls, proxy"
    ),
    Bad(
      "missing keys", "accounts:\n  - {}\n  -\ndestinations:\n  - name: a\n  - url: https://a.b\n",
      "c.yaml:2:3: idInstance is missing, expected a number of 1 to 18 digits",
      "c.yaml:2:3: apiTokenInstance is missing, expected a text, {file: PATH}, {env: NAME} or {credential: NAME}",
      "c.yaml:2:5: idInstance is missing, expected a number of 1 to 18 digits",
      "c.yaml:2:5: apiTokenInstance is missing, expected a text, {file: PATH}, {env: NAME} or {credential: NAME}",
      "c.yaml:5:5: url is missing, expected a URL such as https://crm.example.com/webhook, or fromAccount",
      "c.yaml:6:5: name is missing, expected up to 64 letters, digits, '-', '_' and '.'"),
  ]

  private static let values: [BadConfiguration] = [
    Bad(
      "choices",
      Sample.with(
        top: "log: {level: warn, format: jsn}\noutbox: {synchronous: off}", account: "startFrom: begining",
        destination: "ordering: chats"),
      "c.yaml:4:16: startFrom 'begining' is not known, expected now or beginning, did you mean 'beginning'?",
      "c.yaml:8:15: ordering 'chats' is not known, expected message, chat, account or none, did you mean 'chat'?",
      "c.yaml:9:14: level 'warn' is not known, expected trace, debug, info, notice, warning, error or critical, did you mean 'warning'?",
      "c.yaml:9:28: format 'jsn' is not known, expected text, json or journald, did you mean 'json'?",
      "c.yaml:10:23: synchronous 'off' is not known, expected full or normal"),
    Bad(
      "bare numbers", Sample.with(account: "poll: {interval: 5}", destination: "timeout: 30"),
      "c.yaml:4:22: interval '5' has no unit, expected a duration such as 500ms, 5s, 2m, 24h or 30d, did you mean '5s'?",
      "c.yaml:8:14: timeout '30' has no unit, expected a duration such as 500ms, 5s, 2m, 24h or 30d, did you mean '30s'?"
    ),
    Bad(
      "durations",
      Sample.with(
        account: "poll: {interval: 5 sec, idleInterval: 1h30m, window: 1.5h}",
        destination: "retry: {schedule: [5s, x, 10minutes, 0s, [1s]], giveUpAfter: -1s}"),
      "c.yaml:4:22: interval '5 sec' is no duration, expected a duration such as 500ms, 5s, 2m, 24h or 30d, did you mean '5s'?",
      "c.yaml:4:43: idleInterval '1h30m' is no duration, expected a duration such as 500ms, 5s, 2m, 24h or 30d",
      "c.yaml:4:58: window '1.5h' is no duration, expected a duration such as 500ms, 5s, 2m, 24h or 30d",
      "c.yaml:8:28: schedule 'x' is no duration, expected a duration such as 500ms, 5s, 2m, 24h or 30d",
      "c.yaml:8:31: schedule '10minutes' is no duration, expected a duration such as 500ms, 5s, 2m, 24h or 30d, did you mean '10m'?",
      "c.yaml:8:42: schedule 0s is below 1ms, expected a list of durations above 0s",
      "c.yaml:8:46: an entry of schedule is a list, expected a list of durations above 0s",
      "c.yaml:8:66: giveUpAfter '-1s' is no duration, expected a duration such as 500ms, 5s, 2m, 24h or 30d"),
    Bad(
      "durations out of bounds",
      Sample.with(account: "poll: {interval: 500ms, idleInterval: 2h, window: 31d}", destination: "timeout: 100ms"),
      "c.yaml:4:22: interval 500ms is below 1s, expected a duration from 1s to 1h",
      "c.yaml:4:43: idleInterval 2h is above 1h, expected a duration from interval to 1h",
      "c.yaml:4:55: window 31d is above 30d, expected a duration from 2m to 30d",
      "c.yaml:8:14: timeout 100ms is below 1s, expected a duration from 1s to 1h"),
    Bad(
      "polls that contradict each other",
      Sample.with(account: "poll: {interval: 10s, idleInterval: 9s, window: 2d, retention: 1d}"),
      "c.yaml:4:41: idleInterval 9s is shorter than interval 10s, expected a duration from interval to 1h",
      "c.yaml:4:68: retention 1d is shorter than window 2d, expected a duration of at least window"),
    Bad(
      "numbers",
      Sample.with(top: "outbox: {history: {maximumCount: 0}}", destination: "maxConcurrency: 0\nretry: {jitter: 1.5}"),
      "c.yaml:7:21: maxConcurrency '0' is out of range or no whole number, expected a whole number from 1 to 10000",
      "c.yaml:8:21: jitter '1.5' is out of range or no number, expected a number from 0 to 1",
      "c.yaml:9:34: maximumCount '0' is out of range or no whole number, expected a whole number above 0"),
    Bad(
      "other numbers",
      Sample.with(
        top: "outbox: {history: {maximumCount: many}}",
        destination: "maxConcurrency: 10001\nretry: {jitter: nan, schedule: []}"),
      "c.yaml:7:21: maxConcurrency '10001' is out of range or no whole number, expected a whole number from 1 to 10000",
      "c.yaml:8:21: jitter 'nan' is out of range or no number, expected a number from 0 to 1",
      "c.yaml:8:36: schedule is an empty list, expected a list of durations above 0s with at least one of them",
      "c.yaml:9:34: maximumCount 'many' is out of range or no whole number, expected a whole number above 0"),
    Bad(
      "truths", Sample.with(account: "fillGaps: maybe", destination: "tls: {verify: 1}"),
      "c.yaml:4:15: fillGaps 'maybe' is no truth value, expected true or false",
      "c.yaml:8:19: verify '1' is no truth value, expected true or false"),
    Bad(
      "rates", Sample.with(destination: "rateLimit: 50"),
      "c.yaml:7:16: rateLimit '50' is no rate, expected a rate such as 50/s, 300/m or 1000/h"),
    Bad(
      "a rate of a day", Sample.with(destination: "rateLimit: 50/d"),
      "c.yaml:7:16: rateLimit '50/d' is no rate, expected a rate such as 50/s, 300/m or 1000/h"),
    Bad(
      "a rate of none", Sample.with(destination: "rateLimit: 0/s"),
      "c.yaml:7:16: rateLimit '0/s' is no rate, expected a rate such as 50/s, 300/m or 1000/h"),
    Bad(
      "idInstances",
      Sample.with(
        destination: "accounts: [0, 1234567890123456789, abc, 011, -5, d75b3a66374942c5b3c019c698abc2067e15]"),
      "c.yaml:7:16: idInstance '0' is invalid, expected a number of 1 to 18 digits",
      "c.yaml:7:19: idInstance '1234567890123456789' is invalid, expected a number of 1 to 18 digits",
      "c.yaml:7:40: idInstance 'abc' is invalid, expected a number of 1 to 18 digits",
      "c.yaml:7:45: idInstance '011' is invalid, expected a number of 1 to 18 digits",
      "c.yaml:7:50: idInstance '-5' is invalid, expected a number of 1 to 18 digits",
      "c.yaml:7:54: idInstance of 36 characters is invalid, expected a number of 1 to 18 digits"),
    Bad(
      "an account twice",
      Sample.good.replacing(
        "destinations:", with: "  - {idInstance: 1101000001, apiTokenInstance: {env: TOKEN}}\ndestinations:"),
      "c.yaml:4:18: idInstance 1101000001 is configured twice, first in line 2, expected each account once"),
    Bad(
      "a destination twice", Sample.good + "  - {name: crm, url: http://a}\n",
      "c.yaml:7:12: name 'crm' is given to two destinations, first in line 5, expected a name of its own for each"),
    Bad(
      "destination names",
      Sample.good + "  - {name: a b, url: http://a}\n  - {name: \(String(repeating: "a", count: 65)), url: http://b}\n",
      "c.yaml:7:12: name 'a b' has other characters in it, expected up to 64 letters, digits, '-', '_' and '.'",
      "c.yaml:8:12: name '…' is too long, expected up to 64 letters, digits, '-', '_' and '.'"),
    Bad(
      "an account that isn't there", Sample.with(destination: "accounts: [1101000002]"),
      "c.yaml:7:16: account 1101000002 is not configured, expected an idInstance from the file's 'accounts', did you mean '1101000001'?"
    ),
    Bad(
      "a status that no answer can hold",
      Sample.with(destination: "statuses: [read, \(String(repeating: "é", count: 33))]"),
      "c.yaml:7:22: a status is longer than 64 bytes, expected sent, delivered, read, failed, noAccount, notInGroup, noActiveSession, yellowCard or suspended"
    ),
    Bad(
      "empty lists", Sample.with(destination: "accounts: []\nstatuses: []\nsigningSecret: []"),
      "c.yaml:7:15: accounts is an empty list, expected a list of idInstances with at least one of them",
      "c.yaml:8:15: statuses is an empty list, expected a list of statuses with at least one of them",
      "c.yaml:9:20: signingSecret is an empty list, expected whsec_… or whsk_… as a text, {file: PATH}, {env: NAME} or {credential: NAME}, or a list of them with at least one of them"
    ),
    Bad(
      "URLs",
      "accounts:\n  - {idInstance: 1, apiTokenInstance: {env: TOKEN}, apiUrl: https://a.b/waInstance1/getSettings/s3cret}\n  - {idInstance: 2, apiTokenInstance: {env: TOKEN}, apiUrl: https://me:s3cret@a.b}\n  - {idInstance: 3, apiTokenInstance: {env: TOKEN}, apiUrl: api.green-api.com}\ndestinations:\n"
        + [
          "crm.example.com/s3cret", "htps://a", "ftp://a", "https://", "https:///x", "https://a b", "https://a:0/",
          "https://a:99999", "https://a#s3cret", "https://пример.рф", "https://:s3cret@a", "https://a_b!/",
          "https://[::1/", "http://[::1]:80/",
        ].enumerated().map { "  - {name: d\($0.offset), url: '\($0.element)'}\n" }.joined(),
      "c.yaml:2:61: apiUrl goes on beyond the address, expected the part before /waInstance",
      "c.yaml:3:61: apiUrl has a user or a query in it, expected a URL such as https://1101.api.green-api.com",
      "c.yaml:4:61: apiUrl has no http:// or https:// before it, expected a URL such as https://1101.api.green-api.com",
      "c.yaml:6:21: url has no http:// or https:// before it, expected a URL such as https://crm.example.com/webhook, or fromAccount",
      "c.yaml:7:21: url is neither http nor https, expected a URL such as https://crm.example.com/webhook, or fromAccount, did you mean 'https://'?",
      "c.yaml:8:21: url is neither http nor https, expected a URL such as https://crm.example.com/webhook, or fromAccount",
      "c.yaml:9:21: url has no host, expected a URL such as https://crm.example.com/webhook, or fromAccount",
      "c.yaml:10:21: url has no host, expected a URL such as https://crm.example.com/webhook, or fromAccount",
      "c.yaml:11:21: url holds white space, a backslash or a letter beyond ASCII (a host is written as xn--…, the rest as %XX), expected a URL such as https://crm.example.com/webhook, or fromAccount",
      "c.yaml:12:21: url has an invalid port, expected a URL such as https://crm.example.com/webhook, or fromAccount",
      "c.yaml:13:21: url has an invalid port, expected a URL such as https://crm.example.com/webhook, or fromAccount",
      "c.yaml:14:21: url has a fragment (#…), which is never sent, expected a URL such as https://crm.example.com/webhook, or fromAccount",
      "c.yaml:15:21: url holds white space, a backslash or a letter beyond ASCII (a host is written as xn--…, the rest as %XX), expected a URL such as https://crm.example.com/webhook, or fromAccount",
      "c.yaml:16:22: url has an unusable user or password before the host (reserved characters are written as %XX), expected a URL such as https://crm.example.com/webhook, or fromAccount",
      "c.yaml:17:22: url has an invalid host, expected a URL such as https://crm.example.com/webhook, or fromAccount",
      "c.yaml:18:22: url has an invalid host, expected a URL such as https://crm.example.com/webhook, or fromAccount"),
    Bad(
      "listening", Sample.with(top: "admin: {listen: 8466}"),
      "c.yaml:7:17: listen '8466' is no address, expected HOST:PORT or none, did you mean '127.0.0.1:8466'?"),
    Bad(
      "listening everywhere", Sample.with(top: "admin: {listen: ':8466'}"),
      "c.yaml:7:17: listen ':8466' is no address, expected HOST:PORT or none, did you mean '0.0.0.0:8466'?"),
    Bad(
      "listening off", Sample.with(top: "admin: {listen: off}"),
      "c.yaml:7:17: listen 'off' is no address, expected HOST:PORT or none, did you mean 'none'?"),
    Bad(
      "a port too high", Sample.with(top: "admin: {listen: 127.0.0.1:70000}"),
      "c.yaml:7:17: listen '127.0.0.1:70000' is no address, expected HOST:PORT or none"),
    Bad(
      "off loopback without a token", Sample.with(top: "admin: {listen: 0.0.0.0:8466}"),
      "c.yaml:7:17: admin listens beyond this machine without a token, expected admin.token, or a loopback address such as 127.0.0.1"
    ),
    Bad(
      "headers",
      Sample.with(
        destination:
          "webhookUrlToken: a\nheaders: {Host: s3cret, content-length: 1, Webhook-Id: a, Authorization: a, 'a b': c, X-A: \"a\\nb\", X-B: é, X-C: '', X-D: [], x-a: a, X-E: ' a', Connection: close, User-Agent: me}"
      ), "c.yaml:8:15: the header 'Host' comes from the url, expected another header, or none",
      "c.yaml:8:29: the header 'content-length' is set by the relay, expected another header, or none",
      "c.yaml:8:48: the header 'Webhook-Id' is set by the relay, expected another header, or none",
      "c.yaml:8:63: the header 'Authorization' is set from webhookUrlToken or the url, expected another header, or none",
      "c.yaml:8:81: the header 'a b' has other characters in it than a name may, expected another header, or none",
      "c.yaml:8:96: the header 'X-A' has line breaks in it, expected a text in one line",
      "c.yaml:8:109: the header 'X-B' has characters beyond ASCII in it, expected a text in one line",
      "c.yaml:8:117: the header 'X-C' is empty, expected a text in one line",
      "c.yaml:8:126: the header 'X-D' is a list, expected a text in one line",
      "c.yaml:8:130: the header 'x-a' is given twice, expected it once (case makes no difference)",
      "c.yaml:8:143: the header 'X-E' begins or ends with a space, expected a text in one line",
      "c.yaml:8:149: the header 'Connection' is for one connection only, expected another header, or none",
      "c.yaml:8:168: the header 'User-Agent' is set by the relay, expected another header, or none"),
    Bad(
      "headers of a connection, of a proxy and of the relay",
      Sample.with(
        destination: """
          headers:
            connection: s3cret
            Keep-Alive: a
            Proxy-Connection: a
            Proxy-Authorization: s3cret
            proxy-something: a
            TE: trailers
            Trailer: a
            Transfer-Encoding: chunked
            UPGRADE: h2c
            HTTP2-Settings: a
            host: a
            Content-Length: 1
            Content-Type: a
            Content-Encoding: gzip
            Expect: 100-continue
            user-agent: a
            webhook-id: a
            webhook-signature: s3cret
            statusrelay-test: true
            X-Ok: "a\\rb"
            "X-A\\r\\nX-B": a
            "X:": a
            X-Nul: "a\\0b"
          """),
      "c.yaml:8:7: the header 'connection' is for one connection only, expected another header, or none",
      "c.yaml:9:7: the header 'Keep-Alive' is for one connection only, expected another header, or none",
      "c.yaml:10:7: the header 'Proxy-Connection' is for a proxy, expected another header, or none",
      "c.yaml:11:7: the header 'Proxy-Authorization' is for a proxy, expected another header, or none",
      "c.yaml:12:7: the header 'proxy-something' is for a proxy, expected another header, or none",
      "c.yaml:13:7: the header 'TE' is for one connection only, expected another header, or none",
      "c.yaml:14:7: the header 'Trailer' is for one connection only, expected another header, or none",
      "c.yaml:15:7: the header 'Transfer-Encoding' is never sent, expected another header, or none",
      "c.yaml:16:7: the header 'UPGRADE' is for one connection only, expected another header, or none",
      "c.yaml:17:7: the header 'HTTP2-Settings' is for one connection only, expected another header, or none",
      "c.yaml:18:7: the header 'host' comes from the url, expected another header, or none",
      "c.yaml:19:7: the header 'Content-Length' is set by the relay, expected another header, or none",
      "c.yaml:20:7: the header 'Content-Type' is set by the relay, expected another header, or none",
      "c.yaml:21:7: the header 'Content-Encoding' is set by the relay, expected another header, or none",
      "c.yaml:22:7: the header 'Expect' is never sent, expected another header, or none",
      "c.yaml:23:7: the header 'user-agent' is set by the relay, expected another header, or none",
      "c.yaml:24:7: the header 'webhook-id' is set by the relay, expected another header, or none",
      "c.yaml:25:7: the header 'webhook-signature' is set by the relay, expected another header, or none",
      "c.yaml:26:7: the header 'statusrelay-test' is set by the relay, expected another header, or none",
      "c.yaml:27:13: the header 'X-Ok' has line breaks in it, expected a text in one line",
      "c.yaml:28:7: the header 'X-A\u{FFFD}\u{FFFD}X-B' has other characters in it than a name may, expected another header, or none",
      "c.yaml:29:7: the header 'X:' has other characters in it than a name may, expected another header, or none",
      "c.yaml:30:14: the header 'X-Nul' has characters beyond ASCII in it, expected a text in one line"),
    Bad(
      "headers that are none", Sample.with(destination: "headers: [a]"),
      "c.yaml:7:14: headers is a list, expected a mapping of names to texts"),
    Bad(
      "two ways to authorize",
      Sample.good.replacing("https://crm", with: "https://me:s3cret@crm") + "    webhookUrlToken: a\n",
      "c.yaml:7:22: webhookUrlToken stands beside a user in the url, and both are sent as Authorization, expected one of them"
    ),
    Bad(
      "the account's address, and another way to authorize",
      Sample.good.replacing("https://crm.example.com/hook", with: "fromAccount")
        + "    webhookUrlToken: a\n    headers: {Authorization: s3cret}\n",
      "c.yaml:7:22: webhookUrlToken stands beside url: fromAccount, which brings each account's own, expected one of them",
      "c.yaml:8:15: the header 'Authorization' is set from webhookUrlToken or the url, expected another header, or none"
    ),
    Bad(
      "a user before the account's address",
      Sample.good.replacing("https://crm.example.com/hook", with: "me:s3cret@fromAccount"),
      "c.yaml:6:10: url has a user before fromAccount, which brings each account's own webhookUrlToken, expected fromAccount alone"
    ),
    Bad(
      "the account's address, misspelt",
      Sample.good.replacing("https://crm.example.com/hook", with: "from_account"),
      "c.yaml:6:10: url has no http:// or https:// before it, expected a URL such as https://crm.example.com/webhook, or fromAccount, did you mean 'fromAccount'?"
    ),
    Bad(
      "proxies",
      Sample.account + "\ndestinations:\n"
        + [
          "proxy.example.com:3128", "socks4://proxy:1080", "http://me:s3cret@proxy", "http://proxy:3128/s3cret",
          "http://proxy:3128?s3cret=1", "http://proxy:0", "http://:s3cret@proxy:3128", "'off'", "[none]", "''",
          "{env: NONE}", "socks://proxy:1080",
        ].enumerated().map { "  - {name: d\($0.offset), url: http://a, proxy: \($0.element)}\n" }.joined(),
      "c.yaml:5:38: proxy has no http:// or https:// before it, \(proxyForm)",
      "c.yaml:6:38: proxy is of another kind, \(proxyForm), did you mean 'socks5://'?",
      "c.yaml:7:38: proxy has no port, \(proxyForm)",
      "c.yaml:8:38: proxy goes on beyond the port, \(proxyForm)",
      "c.yaml:9:38: proxy goes on beyond the port, \(proxyForm)",
      "c.yaml:10:38: proxy has an invalid port, \(proxyForm)",
      "c.yaml:11:38: proxy has an unusable user or password before the host (reserved characters are written as %XX), \(proxyForm)",
      "c.yaml:12:38: proxy has no http:// or https:// before it, \(proxyForm), did you mean 'none'?",
      "c.yaml:13:38: proxy is a list, \(proxyForm)",
      "c.yaml:14:38: proxy is empty, \(proxyForm)",
      "c.yaml:15:45: the environment variable 'NONE' for proxy is not set, expected it to hold the secret",
      "c.yaml:16:39: proxy is of another kind, \(proxyForm), did you mean 'socks5://'?"),
    Bad(
      "filters",
      Sample.with(
        destination: "filter: {sendByApi: perhaps, chatId: {a: b}, typeMessage: [imageMessage, [a], ''], status: read}"),
      "c.yaml:7:25: sendByApi 'perhaps' is no truth value, expected true or false",
      "c.yaml:7:42: chatId is a mapping, expected a chatId or a list of them, where * stands for any text and ? for one character",
      "c.yaml:7:78: an entry of typeMessage is a list, expected a typeMessage or a list of them",
      "c.yaml:7:83: an entry of typeMessage is empty, expected a typeMessage or a list of them",
      "c.yaml:7:88: unknown key 'status' in 'destinations[].filter', expected sendByApi, chatId or typeMessage"),
    Bad(
      "a chat without quotes", Sample.with(destination: "filter: {chatId: *@g.us}"),
      "c.yaml:7:22: an alias (*…) has no anchor (&…) of its name before it, expected quotes around a value that begins with *"
    ),
    Bad(
      "signing secrets", Sample.with(destination: "signingSecret: [s3cret, whsec_s3cret, {env: TOKEN}]"),
      "c.yaml:7:21: signingSecret can't be used: a signing secret begins with whsec_ (HMAC-SHA256) or whsk_ (ed25519)",
      "c.yaml:7:29: signingSecret can't be used: whsec_ must be followed by the base64 of 24 to 64 bytes",
      "c.yaml:7:43: signingSecret can't be used: a signing secret begins with whsec_ (HMAC-SHA256) or whsk_ (ed25519)"),
    Bad(
      "TLS", Sample.with(destination: "tls: {caFile: none.pem, clientKeyFile: /closed, ca: x}"),
      "c.yaml:7:19: the file /etc/relay/none.pem for caFile does not exist, expected a readable PEM file",
      "c.yaml:7:44: the file /closed for clientKeyFile may not be read by this user, expected a readable PEM file",
      "c.yaml:7:44: clientKeyFile has no certificate, expected clientCertificateFile beside it",
      "c.yaml:7:53: unknown key 'ca' in 'destinations[].tls', expected caFile, clientCertificateFile, clientKeyFile or verify"
    ),
  ]

  private static let secrets: [BadConfiguration] = [
    Bad(
      "sources of secrets", Sample.with(destination: "signingSecret: {}\nwebhookUrlToken: {file: a, env: b}"),
      "c.yaml:7:20: signingSecret has no source, expected exactly one of file, env and credential",
      "c.yaml:8:22: webhookUrlToken has more than one source, expected exactly one of file, env and credential"),
    Bad(
      "an unknown source", Sample.with(destination: "webhookUrlToken: {path: s3cret}\nsigningSecret: {files: a}"),
      "c.yaml:7:23: an unknown key in webhookUrlToken, expected file, env or credential",
      "c.yaml:8:21: an unknown key in signingSecret, expected file, env or credential, did you mean 'file'?"),
    Bad(
      "what a source names", Sample.with(destination: "webhookUrlToken: {file: }\nsigningSecret: {env: [a]}"),
      "c.yaml:7:23: file has no value, expected a path",
      "c.yaml:8:26: env is a list, expected a name"),
    Bad(
      "a missing variable", Sample.with(destination: "webhookUrlToken: {env: NONE}"),
      "c.yaml:7:28: the environment variable 'NONE' for webhookUrlToken is not set, expected it to hold the secret"),
    Bad(
      "an empty variable", Sample.with(destination: "webhookUrlToken: {env: EMPTY}"),
      "c.yaml:7:28: the environment variable 'EMPTY' for webhookUrlToken is empty, expected the secret alone, in one line"
    ),
    Bad(
      "no credentials", Sample.with(destination: "webhookUrlToken: {credential: crm}"),
      "c.yaml:7:35: there are no credentials ($CREDENTIALS_DIRECTORY is not set), expected to be started by systemd with LoadCredential=crm:PATH"
    ),
    Bad(
      "a missing secret file", Sample.with(destination: "webhookUrlToken: {file: crm}"),
      "c.yaml:7:29: the file /etc/relay/crm for webhookUrlToken does not exist, expected a readable file of at most 64 KiB"
    ),
    Bad(
      "a closed secret file", Sample.with(destination: "webhookUrlToken: {file: /closed}"),
      "c.yaml:7:29: the file /closed for webhookUrlToken may not be read by this user, expected a readable file of at most 64 KiB"
    ),
    Bad(
      "a directory", Sample.with(destination: "webhookUrlToken: {file: /dir}"),
      "c.yaml:7:29: the file /dir for webhookUrlToken is a directory, expected a readable file of at most 64 KiB"),
    Bad(
      "a huge secret file", Sample.with(destination: "webhookUrlToken: {file: /huge}"),
      "c.yaml:7:29: the file /huge for webhookUrlToken is too large, expected a readable file of at most 64 KiB"),
    Bad(
      "a secret that is no text", Sample.with(destination: "webhookUrlToken: {file: /binary}"),
      "c.yaml:7:29: the file /binary for webhookUrlToken is not UTF-8, expected a text"),
    Bad(
      "a secret of two lines", Sample.with(destination: "webhookUrlToken: {file: /lines}"),
      "c.yaml:7:29: the file /lines for webhookUrlToken has line breaks in it, expected the secret alone, in one line"),
    Bad(
      "a secret of spaces", Sample.with(destination: "webhookUrlToken: '  '"),
      "c.yaml:7:22: webhookUrlToken is empty, expected the secret alone, in one line"),
    Bad(
      "a secret with spaces around it", Sample.with(destination: "webhookUrlToken: 's3cret '"),
      "c.yaml:7:22: webhookUrlToken begins or ends with a space, expected the secret alone, in one line"),
    Bad(
      "a secret with a control character", Sample.with(destination: "webhookUrlToken: \"s3\\0cret\""),
      "c.yaml:7:22: webhookUrlToken has control characters in it, expected the secret alone, in one line"),
    Bad(
      "a literal of two lines", Sample.with(destination: "webhookUrlToken: |\n  s3\n  cret"),
      "c.yaml:7:22: webhookUrlToken has line breaks in it, expected the secret alone, in one line"),
  ]
}
