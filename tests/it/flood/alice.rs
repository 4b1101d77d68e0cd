//! What alice does in her browser: she sees what many have in common, and has it repaired.

use std::time::Duration;

use domain::ids::{CauseId, IncidentId, ProjectId};
use domain::operator::Role;
use e2e::browser::{Browser, Page, PageOptions};
use e2e::{World, console};

use super::shop::{CODE, all, many};
use super::{CANARY, PER_MINUTE};

const EMAIL: &str = "alice@cometcart.test";
const SOON: Duration = Duration::from_secs(30);

/// Keeps how far the page that is shown says that it is, whenever it says so again.
const KEEP_PROGRESS: &str = "window.seen = [];
    new MutationObserver(() => window.seen.push(document.querySelector('#head progress').value))
        .observe(document.getElementById('head'), { childList: true, subtree: true })";

/// Alice, who is an operator.
pub struct Alice<'a> {
    world: &'a World,
    page: Page,
}

impl<'a> Alice<'a> {
    /// Signs in to a home where nothing waits.
    pub async fn sign_in(world: &'a World, browser: &Browser) -> Self {
        console::add(&world.pool, EMAIL, Role::Operator).await;
        let page = browser.page(PageOptions::default()).await;
        page.open(&format!("{}/incidents", world.url)).await;
        console::sign_in_on(&page, EMAIL).await;
        page.wait_for_text("Nothing is missing", SOON).await;
        Self { world, page }
    }

    async fn open(&self, path: &str) {
        self.page.open(&format!("{}{path}", self.world.url)).await;
    }

    /// The home, which was open all the time, shows everybody who waits, by cause.
    pub async fn sees_causes(&self) {
        let waiting = format!("{} test customers paid and got nothing", all());
        self.page.wait_for_text(&waiting, SOON).await;
        for customers in many() {
            self.page.wait_for_text(&format!("{customers} customers"), SOON).await;
        }
        let causes = self.page.texts("#causes tbody tr").await;
        assert_eq!(causes.len(), 2, "one customer is no cause: {causes:?}");
        let title = format!("{CODE} on invoice.paid");
        assert!(causes.iter().all(|cause| cause.starts_with(&title)), "{causes:?}");
    }

    /// Has the only incident of a project reprocessed, on its page.
    pub async fn reprocesses_one(&self, project_id: ProjectId) {
        let id = "SELECT id FROM incidents WHERE project_id = $1";
        let id: IncidentId = sqlx::query_scalar(id)
            .bind(project_id.as_uuid())
            .fetch_one(&self.world.pool)
            .await
            .expect("an incident");
        self.open(&format!("/incidents/{id}")).await;
        self.page.click("button/Reprocess").await;
    }

    /// Opens the cause of a project from the home, and has all that matches reprocessed: a preview, then with a note a
    /// few first and the rest at a pace.
    pub async fn reprocesses_all(&self, project_id: ProjectId, customers: usize) {
        let cause = "SELECT DISTINCT cause FROM incidents WHERE project_id = $1";
        let cause: CauseId = sqlx::query_scalar(cause)
            .bind(project_id.as_uuid())
            .fetch_one(&self.world.pool)
            .await
            .expect("a cause");
        let page = &self.page;
        self.open("/incidents").await;
        page.click(&format!("#causes a.lead[href*='{cause}']")).await;
        page.click("summary/Several at once").await;
        page.select_label("Which", "All that match, on every page").await;
        page.click("button/Reprocess…").await;
        assert_eq!(page.text("h1").await, format!("Reprocess {customers} incidents?"));
        page.fill_label("Why, for the timelines", "the disk has room again").await;
        page.fill_label("First", &CANARY.to_string()).await;
        page.fill_label("Then, a minute", &PER_MINUTE.to_string()).await;
        page.click("button/Start").await;
        assert_eq!(page.text("h1").await, format!("Reprocessing {customers} incidents"));
        page.evaluate(KEEP_PROGRESS).await;
    }

    /// The page of what was started last went on showing how far it was, without being opened again.
    pub async fn saw_progress(&self) {
        self.page.wait_for_text("100% over", SOON).await;
        let seen = self.page.evaluate("window.seen").await;
        let seen: Vec<f64> = serde_json::from_value(seen).expect("what was seen");
        let between = seen.iter().filter(|over| (1.0..100.0).contains(*over)).count();
        assert!(between >= 2 && seen.is_sorted(), "{seen:?}");
    }

    /// Nobody waits any more.
    pub async fn sees_all_resolved(&self) {
        self.open("/incidents").await;
        self.page.wait_for_text("Nothing needs you", SOON).await;
    }
}
