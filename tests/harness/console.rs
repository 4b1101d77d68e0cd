//! An operator at the console, without a browser: pages are fetched and forms are sent as a browser
//! without scripts would. And what signs in on a page of a real one.

use console::password::Memory;
use domain::ids::OperatorId;
use domain::operator::Role;
use reqwest::{Method, StatusCode, header};
use store::PgPool;
use store::{Insertion, operator_tokens, operators};

use crate::World;
use crate::browser::Page;
use crate::html_page::HtmlPage;

/// The password of every operator here.
pub const PASSWORD: &str = "correct horse battery";

/// The response to a page's request.
#[derive(Debug)]
pub struct PageResponse {
    pub status: StatusCode,
    /// Where it leads, for a 303.
    pub location: Option<String>,
    pub headers: header::HeaderMap,
    pub body: String,
}

impl PageResponse {
    /// The page that came.
    #[must_use]
    pub fn page(&self) -> HtmlPage {
        HtmlPage::parse(&self.body)
    }
}

/// A user of the console.
#[derive(Debug, Clone)]
pub struct Operator {
    http: reqwest::Client,
    url: String,
    /// By which address they sign in.
    pub email: String,
    /// The session's cookie, as it is sent.
    pub cookie: Option<String>,
}

impl Operator {
    /// An operator who is signed in with this role. The address is `<role>@cometcart.test`.
    pub async fn signed_in(world: &World, role: Role) -> Self {
        Self::signed_in_with(world, role, "").await
    }

    /// The same, with a browser that names itself so.
    pub async fn signed_in_with(world: &World, role: Role, browser: &str) -> Self {
        let email = format!("{role}@cometcart.test");
        add(&world.pool, &email, role).await;
        let mut operator = Self::with_browser(world, browser);
        operator.email.clone_from(&email);
        let form = [("email", email.as_str()), ("password", PASSWORD), ("next", "")];
        let response = operator.send("/sign-in", &form).await;
        assert_eq!(response.status, 303, "{}", response.body);
        let cookie = response.headers[header::SET_COOKIE].to_str().expect("a cookie");
        operator.cookie = cookie.split(';').next().map(str::to_owned);
        operator
    }

    /// A visitor who is not signed in.
    pub fn stranger(world: &World) -> Self {
        Self::with_browser(world, "")
    }

    fn with_browser(world: &World, browser: &str) -> Self {
        let http = reqwest::Client::builder()
            .no_proxy()
            .user_agent(browser)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("a client");
        Self { http, url: world.url.clone(), email: String::new(), cookie: None }
    }

    /// The same person, at another API of the same world.
    #[must_use]
    pub fn at(&self, url: &str) -> Self {
        Self { url: url.to_owned(), ..self.clone() }
    }

    /// Asks for a page's headers only.
    pub async fn head(&self, path: &str) -> PageResponse {
        self.ask(Method::HEAD, path, None, None).await
    }

    /// Opens a page.
    pub async fn get(&self, path: &str) -> PageResponse {
        self.ask(Method::GET, path, None, None).await
    }

    /// Reads a page that is there.
    pub async fn page(&self, path: &str) -> HtmlPage {
        let response = self.get(path).await;
        assert_eq!(response.status, 200, "{path}: {}", response.body);
        response.page()
    }

    /// The session's token, which every form carries.
    pub async fn csrf(&self) -> String {
        csrf_of(&self.get("/account").await.body)
    }

    /// A token of their own for the automation API.
    ///
    /// # Panics
    /// When the system gives no randomness, or there is no such operator.
    pub async fn token(&self, world: &World) -> String {
        let token = web::random::operator_token().expect("a token");
        let id = "SELECT id FROM operators WHERE email = $1";
        let id = sqlx::query_scalar(id).bind(&self.email).fetch_one(&world.pool).await;
        let id = OperatorId::from_uuid(id.expect("an operator"));
        let kept = operator_tokens::insert_token(&world.pool, id, "nightly", &token).await;
        kept.expect("a token");
        token.reveal().to_owned()
    }

    /// Fills a form of the page `from` and sends it to `to`, with the page's own token.
    pub async fn submit(&self, from: &str, to: &str, form: &[(&str, &str)]) -> PageResponse {
        let token = csrf_of(&self.get(from).await.body);
        let mut form = form.to_vec();
        form.push(("csrf", &token));
        self.send(to, &form).await
    }

    /// Sends a form as it is, without a token unless it holds one.
    pub async fn send(&self, path: &str, form: &[(&str, &str)]) -> PageResponse {
        self.ask(Method::POST, path, Some(encode(form)), None).await
    }

    /// Sends a form with a header that says where it comes from.
    pub async fn send_from(
        &self,
        header: (&str, &str),
        path: &str,
        form: &[(&str, &str)],
    ) -> PageResponse {
        self.ask(Method::POST, path, Some(encode(form)), Some(header)).await
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        form: Option<String>,
        more: Option<(&str, &str)>,
    ) -> PageResponse {
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        if let Some((name, value)) = more {
            request = request.header(name, value);
        }
        if let Some(cookie) = &self.cookie {
            request = request.header(header::COOKIE, cookie);
        }
        if let Some(form) = form {
            let kind = "application/x-www-form-urlencoded";
            request = request.header(header::CONTENT_TYPE, kind).body(form);
        }
        let response = request.send().await.expect("a response");
        let location = response.headers().get(header::LOCATION);
        let location = location.map(|to| to.to_str().expect("text").to_owned());
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.text().await.expect("text");
        PageResponse { status, location, headers, body }
    }
}

/// Signs in on the page that a browser shows, with the usual password.
pub async fn sign_in_on(page: &Page, email: &str) {
    page.fill_label("E-mail", email).await;
    page.fill_label("Password", PASSWORD).await;
    page.click("button/Sign in").await;
}

/// Adds an operator with the usual password.
pub async fn add(pool: &PgPool, email: &str, role: Role) -> OperatorId {
    let hash = console::password::hash(PASSWORD, &mut Memory::default()).expect("a hash");
    let mut db = pool.acquire().await.expect("a connection");
    let added = operators::insert_operator(&mut db, email, role, &hash).await;
    match added.expect("an operator") {
        Insertion::Inserted(id) | Insertion::Existing(id) => id,
    }
}

fn encode(form: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish()
}

fn csrf_of(page: &str) -> String {
    let token = page.split("name=\"csrf\" value=\"").nth(1);
    let token = token.and_then(|rest| rest.split('"').next());
    token.unwrap_or_else(|| panic!("no form on the page: {page}")).to_owned()
}
