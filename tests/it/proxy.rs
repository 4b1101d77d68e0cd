//! Behind a reverse proxy: Debian's nginx, configured as the documents say, on a port of its own.

use domain::operator::Role;
use e2e::browser::{Browser, PageOptions};
use e2e::console::{self, PASSWORD};
use e2e::nginx::Nginx;
use e2e::{World, WorldOptions, eventually, run};
use reqwest::{Client, Response, header};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const ALICE: &str = "alice@cometcart.test";
const FORM: &str = "application/x-www-form-urlencoded";

/// An installation whose API is the real program, behind a real nginx.
struct Site {
    world: World,
    nginx: Nginx,
    http: Client,
    _api: e2e::binary::Part,
}

impl Site {
    /// `public_url` is the address that the installation is configured with.
    async fn open(public_url: impl Fn(&Nginx) -> Option<String>) -> Self {
        let options = WorldOptions::default().without_api().without_worker();
        let world = World::start_with(options).await;
        console::add(&world.pool, ALICE, Role::Admin).await;
        let port = world.url.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        let nginx = Nginx::in_front_of(port.expect("a port")).await.expect("nginx");
        let told = public_url(&nginx);
        let told = told.iter().map(|url| ("SENDPROMPTLY_PUBLIC_URL", url.as_str()));
        let (api, _log) = world.spawn_logged("api", &told.collect::<Vec<_>>()).expect("an API");
        let http = nginx.client().expect("a client");
        let ready = format!("{}/readyz", nginx.url());
        eventually("an API behind nginx", async || {
            http.get(&ready).send().await.ok().filter(|response| response.status().is_success())
        })
        .await;
        Self { world, nginx, http, _api: api }
    }

    /// A call of an app's, as far as all calls are alike.
    fn call(&self, path: &str, body: &serde_json::Value) -> reqwest::RequestBuilder {
        let request = self.http.post(format!("{}/api/v1/{path}", self.nginx.url()));
        let request = request.bearer_auth(self.world.key.reveal());
        request.header(header::CONTENT_TYPE, "application/json").body(body.to_string())
    }

    /// Signs in as a browser does, whose page came from `origin`.
    async fn sign_in(&self, origin: &str) -> Response {
        let form = format!("email=alice%40cometcart.test&password={}", PASSWORD.replace(' ', "+"));
        let request = self.http.post(format!("{}/sign-in", self.nginx.url()));
        let request =
            request.header(header::ORIGIN, origin).header("sec-fetch-site", "same-origin");
        let request = request.header(header::CONTENT_TYPE, FORM).body(form);
        request.send().await.expect("a response")
    }
}

#[test]
fn the_documented_nginx_on_another_port_lets_people_sign_in_and_work() {
    run(async {
        let site = Site::open(|nginx| Some(nginx.url())).await;
        let url = site.nginx.url();
        let page = site.http.get(format!("{url}/sign-in")).send().await.expect("a page");
        assert_eq!(page.status().as_u16(), 200);
        let signed_in = site.sign_in(&url).await;
        assert_eq!(signed_in.status().as_u16(), 303, "{}", signed_in.text().await.expect("text"));
        let cookie = signed_in.headers()[header::SET_COOKIE].to_str().expect("text").to_owned();
        let cookie = cookie.split(';').next().expect("a cookie").to_owned();

        let account = site.http.get(format!("{url}/account")).header(header::COOKIE, &cookie);
        let account = account.send().await.expect("a page").text().await.expect("text");
        let csrf = account.split("name=\"csrf\" value=\"").nth(1).expect("a form");
        let csrf = csrf.split('"').next().expect("a token");
        let token = site.http.post(format!("{url}/account/tokens"));
        let token = token.header(header::COOKIE, &cookie).header(header::ORIGIN, &url);
        let token = token.header(header::CONTENT_TYPE, FORM);
        let token = token
            .body(format!("csrf={csrf}&label=nightly&password={}", PASSWORD.replace(' ', "+")))
            .send()
            .await
            .expect("a page");
        assert_eq!(token.status().as_u16(), 303, "{}", token.text().await.expect("text"));

        // The same form from a page of the usual port is from elsewhere.
        let rejected = site.sign_in("https://sendpromptly.example.com").await;
        assert_eq!(rejected.status().as_u16(), 403);
    });
}

#[test]
fn a_browser_signs_in_through_it_with_scripts_and_without() {
    run(async {
        // Browsers find names below localhost on this machine, and nginx takes any name.
        let at = |nginx: &Nginx| format!("https://sendpromptly.localhost:{}", nginx.port());
        let site = Site::open(|nginx| Some(at(nginx))).await;
        let (url, browser) = (at(&site.nginx), Browser::start().await);
        let with = PageOptions::default().with_any_certificate();
        for options in [with, with.without_javascript()] {
            let page = browser.page(options).await;
            page.open(&format!("{url}/sign-in?next=%2Faccount")).await;
            console::sign_in_on(&page, ALICE).await;
            assert_eq!(page.url().await, format!("{url}/account"), "{}", page.title().await);
        }
    });
}

#[test]
fn a_body_of_the_largest_size_passes_nginx_and_proof_links_stay_out_of_its_log() {
    run(async {
        let site = Site::open(|nginx| Some(nginx.url())).await;
        let url = site.nginx.url();
        let mut receipt = e2e::world::receipt("evt_1");
        receipt["payload"] = serde_json::json!({ "card": "x".repeat(2 * 1024 * 1024) });
        let call = site.call("receipt", &receipt).header("idempotency-key", "receipt-evt_1");
        let response = call.send().await.expect("a response");
        assert_eq!(response.status().as_u16(), 202, "{}", response.text().await.expect("text"));

        let proof = site.http.get(format!("{url}/proof/canary")).send().await.expect("a page");
        assert_eq!(proof.status().as_u16(), 404);
        let seen = site.http.get(format!("{url}/clients/none")).send().await.expect("a page");
        assert_eq!(seen.status().as_u16(), 404);
        // nginx logs a request after its response is out.
        let log = eventually("the last request in the log of nginx", async || {
            Some(site.nginx.access_log()).filter(|log| log.contains("/clients/none"))
        })
        .await;
        assert!(!log.contains("canary"), "{log}");
    });
}

#[test]
fn a_list_of_receipts_of_the_largest_size_passes_nginx() {
    run(async {
        let site = Site::open(|nginx| Some(nginx.url())).await;
        let listed = |n: u8| {
            let mut receipt = e2e::world::receipt(&format!("evt_{n}"));
            receipt["idempotency_key"] = format!("receipt-evt_{n}").into();
            receipt["payload"] = serde_json::json!({ "card": "x".repeat(2_000_000) });
            receipt
        };
        let list = serde_json::json!({ "receipts": [listed(1), listed(2), listed(3), listed(4)] });
        let bytes = list.to_string().len();
        assert!((7 << 20..8 << 20).contains(&bytes), "{bytes} bytes");
        let response = site.call("receipts", &list).send().await.expect("a response");
        assert_eq!(response.status().as_u16(), 202, "{}", response.text().await.expect("text"));
    });
}

#[test]
fn without_a_public_url_the_rejection_names_the_setting_and_the_cure() {
    run(async {
        for (told, expected) in [
            (None, "because SENDPROMPTLY_PUBLIC_URL is not set"),
            (
                Some("https://sendpromptly.example.com"),
                "https://sendpromptly.example.com, as SENDPROMPTLY_PUBLIC_URL says",
            ),
        ] {
            let site = Site::open(|_| told.map(str::to_owned)).await;
            let url = site.nginx.url();
            let rejected = site.sign_in(&url).await;
            assert_eq!(rejected.status().as_u16(), 403);
            let page = rejected.text().await.expect("text");
            assert!(page.contains(&format!("This form comes from {url}")), "{page}");
            assert!(page.contains(expected), "{page}");
            assert!(page.contains(&format!("set SENDPROMPTLY_PUBLIC_URL={url}")), "{page}");
        }
    });
}

/// How long a connection may be silent before the test gives up: less than the default of 75 s.
const TIMEOUT: std::time::Duration = std::time::Duration::from_mins(1);

#[test]
fn an_idle_connection_is_kept_as_long_as_was_said() {
    run(async {
        let options = WorldOptions::default().without_api().without_worker();
        let world = World::start_with(options).await;
        let settings = [("SENDPROMPTLY_KEEP_ALIVE", "5")];
        let (_api, _log) = world.spawn_logged("api", &settings).expect("an API");
        let address = world.url.trim_start_matches("http://").to_owned();
        let mut stream =
            eventually("an API", async || TcpStream::connect(&address).await.ok()).await;
        let request = format!("GET /healthz HTTP/1.1\r\nHost: {address}\r\n\r\n");
        let asked = tokio::time::Instant::now();
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut all = Vec::new();
        let ended = timeout(TIMEOUT, stream.read_to_end(&mut all)).await;
        ended.expect("the API closes it").expect("in order");
        assert!(String::from_utf8_lossy(&all).starts_with("HTTP/1.1 200"), "an answer came first");
        assert!(asked.elapsed().as_secs() >= 4, "it was not closed at once");
    });
}
