//! Accessibility, as axe-core judges it.
//!
//! The script comes from a pinned wheel, like the engines, and runs in a world of its own inside
//! the page: it sees the page as it is, the page does not see it, and a policy that forbids foreign
//! scripts does not matter. A page whose scripts are off gets them back for the moment; the page's
//! own have missed their time by then.

use anyhow::Context as _;
use embedded::{EngineDirs, Version, Wheel};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::page::{Page, value_of};

static AXE: Wheel = Wheel {
    package: "axe-playwright-python",
    version: "0.1.8",
    engine: Version::new(4, 12, 1),
    bytes: 160_681,
    sha256: "fdd263c998388f1a8e67cad02677e612d946248bd44d163be5e8650ea31f95f8",
    programs: "",
    keep: &["axe_playwright_python/axe.min.js", "axe_playwright_python-0.1.8.dist-info/"],
};

static SCRIPT: OnceCell<String> = OnceCell::const_new();

const RUN: &str = r#"axe.run(document, { resultTypes: ["violations"] }).then(found =>
    found.violations.map(({ id, impact, help, nodes }) => ({
        id, impact: impact ?? "", help,
        nodes: nodes.map(node => node.target.join(" ") + "  " + node.html),
    })))"#;

/// A rule that a page breaks.
#[derive(Debug, Clone, Deserialize)]
pub struct Violation {
    /// The rule's name.
    pub id: String,
    /// `minor`, `moderate`, `serious` or `critical`.
    pub impact: String,
    /// What to do.
    pub help: String,
    /// Where: a selector and the element, each.
    pub nodes: Vec<String>,
}

/// Fails if the page is not accessible: at what axe calls serious or critical.
pub async fn assert_accessible(page: &Page) {
    let mut found = page.axe().await;
    found.retain(|one| one.impact == "serious" || one.impact == "critical");
    let told: Vec<String> = found
        .iter()
        .map(|one| {
            format!("{} ({}): {}\n  {}", one.id, one.impact, one.help, one.nodes.join("\n  "))
        })
        .collect();
    assert!(found.is_empty(), "{} shuts people out:\n{}", page.url().await, told.join("\n"));
}

impl Page {
    /// The rules of axe-core that the page breaks as it is now.
    pub async fn axe(&self) -> Vec<Violation> {
        self.at_rest().await.expect("a page at rest");
        self.run_scripts(true).await.expect("scripts");
        let found = self.run_axe().await;
        self.run_scripts(self.options.javascript).await.expect("the scripts as they were");
        found.expect("a judgement of axe")
    }

    async fn run_axe(&self) -> anyhow::Result<Vec<Violation>> {
        let world = json!({ "frameId": self.frame, "worldName": "axe" });
        let world = self.call("Page.createIsolatedWorld", world).await?;
        let world = &world["executionContextId"];
        let script = SCRIPT.get_or_try_init(fetch).await?;
        self.script_in(world, script, false).await?;
        Ok(serde_json::from_value(self.script_in(world, RUN, true).await?)?)
    }

    async fn script_in(&self, world: &Value, script: &str, give: bool) -> anyhow::Result<Value> {
        let how = json!({
            "expression": script, "contextId": world, "awaitPromise": give, "returnByValue": give
        });
        value_of(self.call("Runtime.evaluate", how).await?)
    }
}

async fn fetch() -> anyhow::Result<String> {
    let folder = AXE.fetch("axe-core", &EngineDirs::from_env()?).await?;
    let path = folder.join(AXE.keep[0]);
    tokio::fs::read_to_string(&path).await.with_context(|| path.display().to_string())
}
