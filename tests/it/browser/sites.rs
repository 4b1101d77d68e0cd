//! A small shop to view: three pages with a strict policy, one of them bad in known ways.

use axum::Router;
use axum::extract::RawQuery;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, SET_COOKIE};
use axum::http::{HeaderName, StatusCode};
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

/// Nothing from elsewhere except pictures, no style or script inside a page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src *; \
                      form-action 'self'";

const COUNTER: &str = r#"<!doctype html><html lang="en"><head><title>Shop</title>
<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">
<link rel="stylesheet" href="/shop.css"></head><body><main><h1><a href="/bad">Shop</a></h1>
<p id="scripts">Scripts are off.</p><noscript><p>It works without.</p></noscript>
<form method="post" action="/order">
<label for="name">Name
 of the customer</label><input id="name" name="name" value="charlie">
<label>Size <select name="size"><option value="1">Small</option><option value="2">Large</option>
</select></label><label><input type="checkbox" name="gift"> Gift</label>
<button>Order</button></form>
<details><summary>Prices</summary><p>All is 3.</p></details> <a href='#lid'>Down</a>
<button disabled>Sold out</button><button>Twice</button><button>Twice</button>
<div id="lid"><a href="/bad">Below</a><b></b></div>
</main><script src="/shop.js"></script></body></html>"#;

const STYLE: &str = "body { background: #fff; color: #000 }
@media (prefers-color-scheme: dark) { body { background: #000; color: #fff } }
@media (max-width: 400px) { h1 { text-transform: uppercase } }
#lid { position: relative; width: 9em; margin-top: 1500px } #lid b { position: absolute; inset: 0 }";

const SCRIPT: &str = "document.querySelector('#scripts').textContent = 'Scripts are on.'";

/// A shop that is open as long as this value.
pub struct TestSites {
    pub url: String,
    _server: AbortOnDropHandle<()>,
}

impl TestSites {
    pub async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let router = Router::new()
            .route("/", get(async || page(COUNTER.to_owned())))
            .route("/bad", get(async || page(bad())))
            .route("/order", post(order))
            .route("/ordered", get(ordered))
            .route("/never", get(std::future::pending::<String>))
            .route("/shop.css", get(async || ([(CONTENT_TYPE, "text/css")], STYLE)))
            .route("/shop.js", get(async || ([(CONTENT_TYPE, "text/javascript")], SCRIPT)));
        let server = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("the shop is open");
        });
        Self { url, _server: AbortOnDropHandle::new(server) }
    }

    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }
}

/// The picture that the bad page asks another host for; nothing listens there.
pub const SPY: &str = "http://elsewhere.localhost:9/spy.png";

/// A picture without alternative text, a field without a label, a style that the policy forbids.
fn bad() -> String {
    format!(
        r#"<!doctype html><html lang="en"><head><title>Bad</title><link rel="icon" href="data:,">
        </head><body><main><h1>Bad</h1><img src="{SPY}"><input>
        <p style="color: red">Red</p></main></body></html>"#
    )
}

type Page = ([(HeaderName, &'static str); 2], String);

fn page(html: String) -> Page {
    ([(CONTENT_TYPE, "text/html; charset=utf-8"), (CONTENT_SECURITY_POLICY, POLICY)], html)
}

async fn order(form: String) -> (StatusCode, [(HeaderName, String); 2]) {
    let cookie = "basket=full; HttpOnly; SameSite=Strict; Path=/".to_owned();
    (StatusCode::SEE_OTHER, [(LOCATION, format!("/ordered?{form}")), (SET_COOKIE, cookie)])
}

async fn ordered(RawQuery(query): RawQuery) -> Page {
    let order = query.unwrap_or_default().replace('&', ", ");
    page(format!(
        r#"<!doctype html><html lang="en"><head><title>Ordered</title></head>
        <body><main><h1>Ordered</h1><p>{order}</p></main></body></html>"#
    ))
}
